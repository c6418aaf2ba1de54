// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// The outbox's change sets, each decoded once while many records are shown anew.
final class DecodedOutbox {
    private var operations: [Int64: [RecordID: [TingCore.Operation]]] = [:]

    func operations(_ db: Database, _ place: Int64, of record: RecordID) throws
        -> [TingCore.Operation]
    {
        if let known = operations[place] { return known[record] ?? [] }
        let body = try Data.storedOne(
            db.cachedStatement(sql: "SELECT body FROM ting_outbox WHERE seq = ?"),
            arguments: [place])
        let changeSet = try body.map { try ChangeSet(storedBytes: Array($0)) }
        let decoded = Dictionary(grouping: changeSet?.operations ?? [], by: \.record)
        operations[place] = decoded
        return decoded[record] ?? []
    }
}
