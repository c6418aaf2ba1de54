// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@testable import TingStore

/// A change set may insert records that were first made in more versions than a ledger holds.
@Suite("What a ledger remembers of inserts")
struct LedgerMemoryTests {
    private static let record = RecordID(high: 0x7000, low: 1)

    private static func inserting(_ record: RecordID) -> ChangeSet {
        ChangeSet(
            id: ChangeSetID(high: 0x4000, low: record.low), seed: Array(repeating: 0, count: 16),
            schema: 1, base: Base(epoch: Epoch(high: 0x4000, low: 1), version: 0), time: 0,
            operations: [
                TingCore.Operation(
                    .insert, "project", record, time: 0,
                    fields: [FieldEdit("hours", before: .null, after: .integer(5), time: 0)])
            ])
    }

    @Test("what records began with is read once a version, in however many it is asked for in turn")
    func readOnce() {
        let changeSet = Self.inserting(Self.record)
        let memory = LedgerMemory()
        memory.forgetRecords(for: changeSet)
        var reads: [Version: Int] = [:]
        for _ in 0..<2 {
            for version in Version(1)...100 {
                let began = memory.inserted(Self.record, in: version) {
                    reads[version, default: 0] += 1
                    return changeSet
                }
                #expect(began == changeSet.operations[0].fields)
            }
        }
        #expect(reads.count == 100)
        #expect(reads.values.allSatisfy { $0 == 1 })
    }

    @Test("the next change set finds what its own records began with, and not what others did")
    func next() {
        let next = Self.inserting(RecordID(high: 0x7000, low: 2))
        let memory = LedgerMemory()
        memory.forgetRecords(for: Self.inserting(Self.record))
        for version in Version(1)...100 {
            _ = memory.inserted(Self.record, in: version) { next }
        }
        memory.forgetRecords(for: next)
        for version in Version(1)...100 {
            let began = memory.inserted(next.operations[0].record, in: version) { next }
            #expect(began == next.operations[0].fields)
        }
    }
}
