// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingLink

/// Datagrams over a real line, where the machine allows one.
@Suite("An emulated line between two namespaces", .serialized, .timeLimit(.minutes(1)))
struct LinkTests {
    /// The line, or a printed sentence that says why there is none.
    private func link(_ profile: LinkProfile, seed: UInt64) throws -> Link {
        do {
            return try Link(profile, seed: seed)
        } catch let obstacle as LinkObstacle {
            try Test.cancel("There is no line, since \(obstacle)")
        }
    }

    /// Sends datagrams to an echo at the far end, one after another; gives the round trips of those that
    /// came back.
    private func echoes(_ link: Link, count: Int) throws -> [Duration] {
        let echo = Process()
        let words = link.command(["python3", "-c", Self.echo, link.farAddress])
        echo.executableURL = URL(filePath: "/usr/bin/env")
        echo.arguments = words
        let output = Pipe()
        echo.standardOutput = output
        try echo.run()
        defer {
            kill(echo.processIdentifier, SIGKILL)
            echo.waitUntilExit()
        }
        let ready = output.fileHandleForReading.availableData
        try #require(String(decoding: ready, as: UTF8.self).hasPrefix("ready"))
        let ping = Process()
        let answers = Pipe()
        ping.executableURL = URL(filePath: "/usr/bin/env")
        ping.arguments = ["python3", "-c", Self.ping, link.farAddress, String(count)]
        ping.standardOutput = answers
        try ping.run()
        let text = String(
            decoding: answers.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        ping.waitUntilExit()
        return text.split(separator: "\n").compactMap { Double($0) }.map { .seconds($0) }
    }

    private static let echo = """
        import socket, sys
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 7007))
        print("ready", flush=True)
        while True:
            data, peer = s.recvfrom(2000); s.sendto(data, peer)
        """

    /// Sends all, each with its time, then reads until 1.5 s bring nothing.
    private static let ping = """
        import socket, sys, time, select, struct
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setblocking(False)
        def drain(wait):
            while select.select([s], [], [], wait)[0]:
                data = s.recv(2000); print(time.monotonic() - struct.unpack("d", data[:8])[0])
        for _ in range(int(sys.argv[2])):
            s.sendto(struct.pack("d", time.monotonic()) + bytes(92), (sys.argv[1], 7007)); drain(0.001)
        drain(1.5)
        """

    @Test("what the profile loses is lost, and everything else comes back")
    func loses() throws {
        let way = LinkProfile.Direction(delay: .milliseconds(5), loss: 0.2)
        let link = try link(LinkProfile(toFar: way, toNear: way), seed: 3)
        defer { link.close() }
        let came = try echoes(link, count: 300)
        let (up, down) = link.counts
        #expect(up.passed + up.lost == 300)
        #expect(down.passed + down.lost == up.passed, "each that came was echoed")
        #expect(came.count == down.passed)
        #expect((35...90).contains(up.lost), "a fifth of 300")
        #expect(came.allSatisfy { $0 >= .milliseconds(10) })
    }

    @Test("a line that is cut one way carries nothing back, and is well again when it is mended")
    func cut() throws {
        let link = try link(.clear, seed: 4)
        defer { link.close() }
        link.cut(.toNear)
        #expect(try echoes(link, count: 5).isEmpty)
        #expect(link.counts.toFar.passed == 5)
        link.mend()
        #expect(try echoes(link, count: 5).count == 5)
    }

    @Test("two lines are apart, and leave nothing behind")
    func two() throws {
        let (one, other) = (try link(.clear, seed: 5), try link(.clear, seed: 6))
        #expect(one.farAddress != other.farAddress)
        let came = try? echoes(other, count: 3)
        #expect(came?.count == 3)
        #expect(one.carried.packets == 0)
        for link in [one, other] {
            link.close()
            #expect(!FileManager.default.fileExists(atPath: "/run/netns/\(link.namespace)"))
        }
    }
}
