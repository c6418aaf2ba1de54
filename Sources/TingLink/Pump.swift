// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// One thread that takes packets at both ends of a line and gives each out when it is due.
final class Pump: Sendable {
    /// Reads one packet of an end. `nil`: none is there. A packet comes with when it is due, unless it
    /// gets lost.
    typealias Take = @Sendable (_ fromNear: Bool, _ time: Duration) -> (Duration, [UInt8])??
    typealias Give = @Sendable (_ fromNear: Bool, _ packet: [UInt8]) -> Void

    private let isStopped = Atomic(false)
    private let ended = DispatchSemaphore(value: 0)

    func start(_ near: Int32, _ far: Int32, take: @escaping Take, give: @escaping Give) {
        Thread.detachNewThread { [self] in
            run(near, far, take, give)
            ended.signal()
        }
    }

    /// Returns when nothing is carried any more.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        ended.wait()
        ended.signal()
    }

    /// The longest wait, so that the end is noticed.
    private static let longest = Duration.milliseconds(50)

    private func run(_ near: Int32, _ far: Int32, _ take: Take, _ give: Give) {
        let begin = ContinuousClock.now
        // Each direction keeps its order, so what is due first stands first.
        var waiting: [Queue] = [Queue(), Queue()]
        while !isStopped.load(ordering: .relaxed) {
            var time = ContinuousClock.now - begin
            let due = waiting.compactMap(\.next).min() ?? .seconds(3_600)
            wait(near, far, min(Self.longest, max(.zero, due - time)))
            time = ContinuousClock.now - begin
            for (index, fromNear) in [true, false].enumerated() {
                while let taken = take(fromNear, time) {
                    if let (due, packet) = taken { waiting[index].add(packet, due) }
                }
                while let packet = waiting[index].take(at: time) { give(fromNear, packet) }
            }
        }
    }

    /// Whole milliseconds are waited for with an eye on what comes in, the rest without.
    private func wait(_ near: Int32, _ far: Int32, _ time: Duration) {
        var files = [near, far].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let milliseconds = Int32(time.seconds * 1000)
        guard poll(&files, nfds_t(files.count), milliseconds) == 0, milliseconds == 0 else {
            return
        }
        var rest = timespec(tv_sec: 0, tv_nsec: Int(time.seconds * 1e9))
        nanosleep(&rest, nil)
    }

    /// Packets of one direction, in the order in which they are due.
    private struct Queue {
        private var packets: [(due: Duration, packet: [UInt8])] = []
        private var first = 0

        var next: Duration? { first < packets.count ? packets[first].due : nil }

        mutating func add(_ packet: [UInt8], _ due: Duration) { packets.append((due, packet)) }

        mutating func take(at time: Duration) -> [UInt8]? {
            guard let next, next <= time else { return nil }
            defer {
                first += 1
                if first > 1_024 {
                    packets.removeFirst(first)
                    first = 0
                }
            }
            return packets[first].packet
        }
    }
}
