// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TingCore

@Suite("Hashes by the processor's instructions")
struct HashTests {
    @Test("are those of the library, at every length around a block's end")
    func lengths() {
        let bytes = (0..<400).map { UInt8(truncatingIfNeeded: $0 &* 37 ^ $0 >> 3) }
        for count in 0...400 {
            bytes[..<count].withUnsafeBytes { part in
                #expect(Hash(of: part) == Hash(byCrypto: part), "\(count) bytes")
            }
        }
    }

    @Test("are those of FIPS 180-4's examples")
    func examples() {
        #expect(
            Hash(of: Array("abc".utf8)).description
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            Hash(of: []).description
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test("a hash keeps its bytes and its text")
    func forms() throws {
        let hash = Hash(of: [1, 2, 3])
        #expect(hash.bytes.count == 32)
        #expect(Hash(bytes: hash.bytes) == hash)
        #expect(Hash(hash.description) == hash)
        #expect(Hash(bytes: hash.bytes.dropLast()) == nil)
    }

    @Test("a row is hashed as its content is")
    func rows() throws {
        let collection = CollectionSchema(
            "task",
            fields: [
                Field("title", .text, .latest), Field("tags", .set, .set),
                Field("status", .enum, .latest, standard: .text("todo"), values: ["todo"]),
                Field("due", .date, .latest), Field("hours", .counter, .counter),
            ])
        let record = try #require(RecordID("01890000-0000-7000-8000-000000000001"))
        var hasher = RowHasher()
        let row: [Value] = [
            .text("København"), .set(["a", "b"]), .text("todo"), .null, .integer(3),
        ]
        let content = RecordContent(
            "task", record,
            ["title": .text("København"), "tags": .set(["a", "b"]), "hours": .integer(3)])
        #expect(hasher.hash(collection, record, row) == Hash(of: content.canonicalBytes))
        #expect(hasher.hash(collection, record, row) == Hash(of: content.canonicalBytes))
    }

    @Test("commitments are the same in either buffer")
    func commitments() {
        // The longer text passes what fits on the stack.
        for length in [0, 23, 24, 255, 256, 900, 950, 1_100, 70_000] {
            let value = Value.text(String(repeating: "å", count: length))
            var encoder = CBOREncoder()
            encoder.append(raw: [7, 8, 9])
            encoder.encodeArray(count: 3)
            encoder.encode(Int64(300))
            encoder.encode("title")
            encoder.encode("after")
            let salt = encoder.hash.bytes.prefix(16)
            var commitments = Commitments(seed: [7, 8, 9])
            #expect(
                commitments.of(value, 300, "title", .after)
                    == Hash(of: salt + value.canonicalBytes))
        }
    }
}
