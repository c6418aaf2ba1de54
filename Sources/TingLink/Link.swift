// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A line between this network namespace and one made for it, which delays, loses and cuts as its
/// profile and its seed say.
///
/// Each end is a `tun` device; this program carries the packets. What runs by `command` sees nothing of
/// the network but the far end.
public final class Link: Sendable {
    /// The namespace at the far end.
    public let namespace: String
    public let nearAddress: String
    public let farAddress: String
    private let near: TunDevice
    private let far: TunDevice
    private let queues: Queues
    private let pump = Pump()

    /// Both directions; shared with the thread that carries.
    private final class Queues: Sendable {
        struct State: Sendable {
            var toFar: LinkQueue
            var toNear: LinkQueue
        }

        let state: Mutex<State>
        init(_ state: State) { self.state = Mutex(state) }
    }

    /// Which packets are cut off.
    public enum Side: CaseIterable, Sendable { case toFar, toNear, both }

    /// Sets the line up.
    /// - Throws: `LinkObstacle`, where this machine doesn't allow it.
    public init(_ profile: LinkProfile, seed: UInt64) throws {
        guard geteuid() == 0 else { throw LinkObstacle.notRoot }
        let number = Self.freeNumber()
        namespace = "ting-\(number)"
        (nearAddress, farAddress) = ("10.213.\(number).1", "10.213.\(number).2")
        queues = Queues(Self.state(profile, seed))
        near = try TunDevice("tingn\(number)")
        far = try TunDevice("tingf\(number)")
        do {
            for words in setup { try Self.run(words) }
        } catch {
            try? Self.run(["netns", "del", namespace])
            throw error
        }
        start()
    }

    private var setup: [[String]] {
        let inside = ["-n", namespace]
        return [
            ["netns", "add", namespace],
            ["link", "set", far.name, "netns", namespace],
            ["addr", "add", nearAddress, "peer", farAddress, "dev", near.name],
            ["link", "set", near.name, "up"],
            inside + ["addr", "add", farAddress, "peer", nearAddress, "dev", far.name],
            inside + ["link", "set", far.name, "up"],
            inside + ["link", "set", "lo", "up"],
        ]
    }

    /// Takes the line down, and its namespace with it. What still runs there loses its network.
    public func close() {
        pump.stop()
        try? Self.run(["netns", "del", namespace])
    }

    /// The words that run a command at the far end.
    public func command(_ words: [String]) -> [String] {
        ["ip", "netns", "exec", namespace] + words
    }

    /// Behaves otherwise from now on. What is under way arrives as it was to.
    public func change(to profile: LinkProfile, seed: UInt64) {
        queues.state.withLock { $0 = Self.state(profile, seed) }
    }

    /// Lets nothing pass on a side, until `mend`.
    public func cut(_ side: Side) {
        queues.state.withLock { state in
            if side != .toNear { state.toFar.isCut = true }
            if side != .toFar { state.toNear.isCut = true }
        }
    }

    public func mend() {
        queues.state.withLock { ($0.toFar.isCut, $0.toNear.isCut) = (false, false) }
    }

    /// What became of packets since the profile was set.
    package var counts: (toFar: LinkQueue.Counts, toNear: LinkQueue.Counts) {
        queues.state.withLock { ($0.toFar.counts, $0.toNear.counts) }
    }

    /// Packets that reached the other end since the profile was set, and their bytes.
    public var carried: (packets: Int, bytes: Int) {
        let (up, down) = counts
        return (up.passed + down.passed, up.bytesPassed + down.bytesPassed)
    }

    private static func state(_ profile: LinkProfile, _ seed: UInt64) -> Queues.State {
        Queues.State(
            toFar: LinkQueue(
                profile.toFar, blackouts: profile.blackouts, seed: seed &* 3, darkSeed: seed),
            toNear: LinkQueue(
                profile.toNear, blackouts: profile.blackouts, seed: seed &* 3 &+ 1, darkSeed: seed))
    }

    // MARK: Carrying

    private func start() {
        pump.start(
            near.file, far.file,
            take: { [near, far, queues] fromNear, time in
                guard let packet = (fromNear ? near : far).read() else { return nil }
                // Neighbour discovery of IPv6, which nobody asked for, would spoil the counts.
                guard packet[0] >> 4 == 4 else { return .some(nil) }
                let due = queues.state.withLock { state in
                    fromNear
                        ? state.toFar.enter(bytes: packet.count, at: time)
                        : state.toNear.enter(bytes: packet.count, at: time)
                }
                return .some(due.map { ($0, packet) })
            },
            give: { [near, far] fromNear, packet in (fromNear ? far : near).write(packet) })
    }

    // MARK: Setting up

    /// A number that no other line of this machine uses now.
    private static func freeNumber() -> Int {
        var number = Int(getpid()) % 250
        while FileManager.default.fileExists(atPath: "/sys/class/net/tingn\(number)")
            || FileManager.default.fileExists(atPath: "/run/netns/ting-\(number)")
        {
            number = (number + 1) % 250
        }
        return number
    }

    private static func run(_ words: [String]) throws {
        let (process, errors) = (Process(), Pipe())
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["PATH=/usr/sbin:/sbin:/usr/bin:/bin", "ip"] + words
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let text = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw LinkObstacle.command(
                "ip " + words.joined(separator: " "),
                String(decoding: text, as: UTF8.self).trimmingCharacters(in: .newlines))
        }
    }
}
