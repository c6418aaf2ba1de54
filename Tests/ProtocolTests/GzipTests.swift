// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingWire

@Suite("Bodies in gzip")
struct GzipTests {
    private let text = Array(
        (0..<2_000).map { "edit \($0 * 7_919 % 10_007) of a plan\n" }.joined().utf8)

    @Test("come back as they went, at both levels")
    func roundTrip() throws {
        for bytes in [text, Array(repeating: text, count: 8).flatMap(\.self)] {
            let packed = try #require(Gzip.pack(bytes))
            #expect(packed.count < bytes.count)
            #expect(try Gzip.unpack(packed, limit: bytes.count) == bytes)
            #expect(throws: Gzip.Failure.tooLarge) {
                try Gzip.unpack(packed, limit: bytes.count - 1)
            }
        }
    }

    @Test("small ones, and what does not shrink, stay as they are")
    func plain() {
        #expect(Gzip.pack(Array(text.prefix(Limits.gzipFromBytes - 1))) == nil)
        #expect(Gzip.pack((0..<1_000).map { _ in .random(in: 0...255) }) == nil)
        // A receiver would take it for a bomb.
        #expect(Gzip.pack([UInt8](repeating: 0, count: 100_000)) == nil)
    }

    @Test("a bomb is refused long before its end")
    func bomb() throws {
        // 64 MiB of nothing: 65 kB, as `gzip` makes it.
        let bomb = try Self.gzip([UInt8](repeating: 0, count: 64 << 20))
        #expect(bomb.count < 100_000)
        #expect(throws: Gzip.Failure.tooLarge) {
            try Gzip.unpack(bomb, limit: Limits.requestByteLimit)
        }
        #expect(throws: Gzip.Failure.tooLarge) { try Gzip.unpack(bomb, limit: .max - 1) }
    }

    @Test("one that was cut, flipped or goes on after its end is refused")
    func corrupt() throws {
        let packed = try #require(Gzip.pack(text))
        for cut in stride(from: 0, to: packed.count, by: 97) {
            #expect(throws: Gzip.Failure.corrupt) {
                try Gzip.unpack(Array(packed[..<cut]), limit: text.count)
            }
        }
        for bytes in [packed + [0], packed + packed, [], Array("{}".utf8)] {
            #expect(throws: Gzip.Failure.corrupt) {
                try Gzip.unpack(bytes, limit: text.count)
            }
        }
        var flipped = packed
        flipped[packed.count - 6] ^= 1
        #expect(throws: Gzip.Failure.corrupt) { try Gzip.unpack(flipped, limit: text.count) }
    }

    private static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory
        let file = folder.appending(path: "bomb-\(UUID().uuidString)")
        try Data(bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["gzip", "-9", "-c", file.path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let packed = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Array(packed)
    }
}
