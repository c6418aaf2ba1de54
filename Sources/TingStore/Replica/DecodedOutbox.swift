// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB
package import TingCore

/// The outbox's change sets, each decoded once while many records are shown anew.
package final class DecodedOutbox {
    private var decoded: [Int64: Decoded] = [:]

    private struct Decoded {
        let changeSet: ChangeSet?
        let operations: [RecordID: [TingCore.Operation]]
    }

    package init() {}

    func operations(_ db: Database, _ place: Int64, of record: RecordID) throws
        -> [TingCore.Operation]
    {
        try decoded(db, place).operations[record] ?? []
    }

    /// The change sets that edit a record, in order, with what they do to it.
    package func edits(
        _ db: Database, of record: RecordID
    ) throws -> [(changeSet: ChangeSet, operations: [TingCore.Operation])] {
        let places = try Int64.storedAll(
            db.cachedStatement(
                sql: "SELECT DISTINCT seq FROM ting_pending WHERE record = ? ORDER BY seq"),
            arguments: [record.description])
        return try places.compactMap { place in
            let decoded = try decoded(db, place)
            return decoded.changeSet.map { ($0, decoded.operations[record] ?? []) }
        }
    }

    private func decoded(_ db: Database, _ place: Int64) throws -> Decoded {
        if let known = decoded[place] { return known }
        let body = try Data.storedOne(
            db.cachedStatement(sql: "SELECT body FROM ting_outbox WHERE seq = ?"),
            arguments: [place])
        let changeSet = try body.map { try ChangeSet(storedBytes: Array($0)) }
        let made = Decoded(
            changeSet: changeSet,
            operations: Dictionary(grouping: changeSet?.operations ?? [], by: \.record))
        decoded[place] = made
        return made
    }
}
