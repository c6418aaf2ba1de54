// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@testable import TingClient

@Suite("Reading server-sent events")
struct EventStreamTests {
    private let stream =
        ": hello\n\nevent: head\r\ndata: {\"head\":\r\ndata: 7}\r\n\r\nid: 3\n\ndata:x\n\n"
    private let items: [EventStreamParser.Item] = [
        .comment, .event(name: "head", data: "{\"head\":\n7}"), .event(name: "message", data: "x"),
    ]

    @Test("gives the same items, however the bytes are cut", arguments: [1, 2, 3, 7, 1000])
    func pieces(_ size: Int) {
        var parser = EventStreamParser()
        var found: [EventStreamParser.Item] = []
        let bytes = Array(stream.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            found += parser.read(bytes[start..<min(start + size, bytes.count)]) ?? []
        }
        #expect(found == items)
    }

    @Test("gives up on an event larger than any real one")
    func tooLarge() {
        var parser = EventStreamParser()
        #expect(parser.read([UInt8](repeating: 0x61, count: 2 << 20)) == nil)
        // Comments between its lines make it no shorter.
        var patient = EventStreamParser()
        let line = Array("data: \(String(repeating: "a", count: 400_000))\n:\n".utf8)
        #expect(patient.read(line) == [.comment])
        #expect(patient.read(line) == [.comment])
        #expect(patient.read(line) == nil)
    }
}
