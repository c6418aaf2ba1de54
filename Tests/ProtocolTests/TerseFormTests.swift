// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingWire

/// `Protocol/spec/terse.md`; whole exchanges in that form are in `ServerTests`.
@Suite("The terse form")
struct TerseFormTests {
    private static let base = Base(
        epoch: Epoch(high: 0x5b0c_0c1e_8f0a_4c56, low: 0x9d3a_3f1f_5a0e_7c11), version: 7)

    private static func record(_ number: UInt64) -> RecordID {
        RecordID(high: 0x0197_a1b2_c3d4_7000 + number << 16, low: 0x8000_0000_0000_0000 | number)
    }

    private static func changeSet(_ operations: [TingCore.Operation]) -> ChangeSet {
        ChangeSet(
            id: ChangeSetID(high: 1, low: 2), seed: [UInt8](repeating: 9, count: 16), schema: 1,
            base: base, time: 1_000, operations: operations)
    }

    /// Every kind of value and of operation, with bases and times of their own.
    private static let varied = changeSet([
        Operation(
            .insert, "project", record(5), time: 900,
            fields: [
                FieldEdit("partners", before: .null, after: .set(of: ["å", "b"]), time: 900),
                FieldEdit("title", before: .null, after: .text("Ting 廳"), time: 950),
            ]),
        Operation(
            .update, "project", record(1), time: .max,
            fields: [
                FieldEdit(
                    "budget", before: .integer(.min), after: .null,
                    base: Base(epoch: base.epoch, version: 3), time: .min)
            ]),
        Operation(.delete, "task", record(2), base: base, time: 1_000),
        Operation(
            .insert, "project", RecordID(high: .max, low: .max), time: 900,
            fields: [
                FieldEdit("partners", before: .set([]), after: .set([""]), time: 900),
                FieldEdit("title", before: .text(""), after: .integer(0), time: 900),
            ]),
        Operation(.restore, "task", record(3), time: 1_000),
    ])

    private func edited(_ change: (inout Ting_V1_Columns) -> Void) -> Ting_V1_ChangeSet {
        var message = Self.varied.terseWire
        change(&message.columns)
        return message
    }

    @Test("operations come back from columns as they were, and so does the hash")
    func roundTrip() throws {
        for changeSet in [Self.varied, Self.changeSet([])] {
            for coding in [WireCoding.protobuf, .json] {
                let message = try coding.decode(
                    Ting_V1_ChangeSet.self, coding.encode(changeSet.terseWire))
                #expect(try ChangeSet(wire: message) == changeSet)
                #expect(try ChangeSet(wire: message).hash == changeSet.hash)
            }
        }
    }

    @Test("what costs more than its bytes is refused: a long seed, long names in a shape")
    func amplified() throws {
        var seeded = Self.varied.wire
        seeded.seed = Data(count: 65)
        #expect(throws: WireError("seed", "too long")) { try ChangeSet(wire: seeded) }
        let long = String(repeating: "a", count: Limits.nameByteLimit + 1)
        var named = Self.varied.terseWire
        named.columns.shapes[0].collection = long
        #expect(throws: WireError("columns.shapes", "a name is too long")) {
            try ChangeSet(wire: named)
        }
    }

    @Test("names that come to more than two change sets may hold, written out, are refused")
    func manyNames() throws {
        let names = ["a", "b", "c"].map { String(repeating: $0, count: Limits.nameByteLimit) }
        func message(_ count: Int) -> Ting_V1_ChangeSet {
            let operations = (0..<UInt64(count)).map { number in
                TingCore.Operation(
                    .update, names[0], Self.record(number), time: 1_000,
                    fields: names.dropFirst().map {
                        FieldEdit($0, before: .null, after: .integer(1), time: 1_000)
                    })
            }
            return Self.changeSet(operations).terseWire
        }
        let most = 2 * Limits.changeSetByteLimit / (names.count * Limits.nameByteLimit)
        #expect(try ChangeSet(wire: message(most)).operations.count == most)
        let larger = message(most + 1)
        #expect(larger.hasColumns)
        let problem = "their names come to too much, written out"
        #expect(throws: WireError("columns.shapes", problem)) { try ChangeSet(wire: larger) }
    }

    @Test("longer names than columns may hold go plain, and are judged like any other")
    func longNames() throws {
        let long = String(repeating: "n", count: Limits.nameByteLimit + 1)
        for (collection, field) in [(long, "title"), ("project", long)] {
            let changeSet = Self.changeSet([
                Operation(
                    .update, collection, Self.record(1), time: 1_000,
                    fields: [FieldEdit(field, before: .null, after: .text("a"), time: 1_000)])
            ])
            let message = changeSet.terseWire
            #expect(!message.hasColumns)
            #expect(try ChangeSet(wire: message) == changeSet)
        }
    }

    @Test("more operations than columns may hold go plain, and are judged like any other")
    func tooMany() throws {
        let operations = (0...UInt64(Limits.operationLimit)).map {
            Operation(.delete, "task", Self.record($0), time: 1_000)
        }
        let wire = Self.changeSet(operations).terseWire
        #expect(!wire.hasColumns)
        #expect(try ChangeSet(wire: wire).operations.count == operations.count)
        var packed = Self.changeSet(Array(operations.dropLast())).terseWire
        packed.columns.operations.append(0)
        #expect(throws: WireError("columns.operations", "more than 20000")) {
            try ChangeSet(wire: packed)
        }
    }

    @Test(
        "columns that don't fit together are refused, whichever is short or long",
        arguments: [
            "record_times", "record_rests", "times", "field_times", "operation_bases",
            "field_bases", "kinds", "integers", "set_sizes", "text_bytes", "texts",
        ])
    func lengths(_ column: String) {
        let longer = edited { $0.resize(column, by: 1) }
        let shorter = edited { $0.resize(column, by: -1) }
        for message in [longer, shorter] {
            #expect(throws: WireError.self) { try ChangeSet(wire: message) }
        }
    }

    @Test("columns that point nowhere, or hold what nobody knows, are refused")
    func nowhere() {
        let messages = [
            edited { $0.operations[0] = 3_000_000_000 }, edited { $0.operationBases[0] = 9 },
            edited { $0.fieldBases[0] = .max }, edited { $0.kinds[0] = 4 },
            edited { $0.setSizes[0] = .max }, edited { $0.textBytes[0] = .max },
            edited { $0.shapes[0].kind = "upsert" }, edited { $0.bases[0].epoch = "none" },
            // Within the å.
            edited { ($0.textBytes[0], $0.textBytes[1]) = (2, 1) },
        ]
        for message in messages {
            #expect(throws: WireError.self) { try ChangeSet(wire: message) }
        }
        var both = Self.varied.terseWire
        both.operations = Self.varied.wire.operations
        #expect(throws: WireError("operations", "beside columns")) { try ChangeSet(wire: both) }
    }

    @Test("a request says the same in both forms, and in raw bytes its role too")
    func request() throws {
        var request = SyncRequest(
            replica: ReplicaID(high: 3, low: 4), base: Self.base, historyDigest: Hash(of: [1]),
            stateDigest: Hash(of: [2]), role: .editor, schema: 1, sent: 2_000, membersVersion: 4,
            pageByteLimit: 1_000, deliveries: [Delivery(number: 12, changeSet: Self.varied)])
        #expect(try SyncRequest(wire: request.terseWire) == request)
        var wrong = request.terseWire
        wrong.standing.digests.removeLast()
        #expect(throws: WireError.self) { try SyncRequest(wire: wrong) }
        let plain = request.wire
        request.role = nil
        #expect(try SyncRequest(wire: plain) == request)
    }

    @Test("an entry whose effects name a record twice is no entry")
    func twice() throws {
        let record = RecordID(high: 1, low: 2)
        var entry = Entry(
            version: 8, changeSet: Self.varied, author: MemberID(high: 5, low: 6),
            replica: ReplicaID(high: 3, low: 4), number: 12, accepted: 3_000, shift: 1,
            effects: [Effect("task", record, .updated, [])], receipt: [1, 2])
        #expect(try Entry(wire: entry.wire) == entry)
        entry.effects?.append(Effect("task", record, .deleted))
        #expect(throws: WireError("effects.record", "one of them too often")) {
            try Entry(wire: entry.wire)
        }
    }

    @Test("an own change set is completed by hash, or the answer is no answer")
    func own() throws {
        let replica = ReplicaID(high: 3, low: 4)
        let entry = Entry(
            version: 8, changeSet: Self.varied, author: MemberID(high: 5, low: 6),
            replica: replica, number: 12, accepted: 3_000, shift: 1, effects: nil,
            receipt: [1, 2])
        let message = entry.terseWire(to: replica)
        #expect(!message.hasChangeSet)
        let hash = Self.varied.hash
        let completed = try Entry(wire: message) { $0 == 12 && $1 == hash ? Self.varied : nil }
        #expect(completed == entry)
        #expect(throws: Entry.notHeld) { try Entry(wire: message) }
        let others = entry.terseWire(to: ReplicaID(high: 3, low: 5))
        #expect(try Entry(wire: others) == entry)
        var both = message
        both.changeSet = Self.varied.wire
        #expect(throws: Entry.notHeld) { try Entry(wire: both) { _, _ in Self.varied } }
    }
}

extension Ting_V1_Columns {
    /// Makes a column longer or shorter than it should be.
    fileprivate mutating func resize(_ column: String, by step: Int) {
        func resized<T>(_ list: [T], _ more: T) -> [T] {
            step > 0 ? list + [more] : Array(list.dropLast())
        }
        switch column {
        case "record_times": recordTimes = resized(recordTimes, 0)
        case "times": times = resized(times, 0)
        case "field_times": fieldTimes = resized(fieldTimes, 0)
        case "operation_bases": operationBases = resized(operationBases, 0)
        case "field_bases": fieldBases = resized(fieldBases, 0)
        case "kinds": kinds = resized(kinds, 0)
        case "integers": integers = resized(integers, 0)
        case "set_sizes": setSizes = resized(setSizes, 0)
        case "text_bytes": textBytes = resized(textBytes, 0)
        case "texts": texts = step > 0 ? texts + "a" : String(texts.dropLast())
        default: recordRests = step > 0 ? recordRests + [0] : recordRests.dropLast()
        }
    }
}
