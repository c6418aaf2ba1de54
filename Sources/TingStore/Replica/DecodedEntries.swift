// SPDX-License-Identifier: Apache-2.0

package import GRDB
package import TingCore

/// Entries of the history, each decoded once while many records are asked for that it touched. Lives no longer
/// than one transaction.
package final class DecodedEntries {
    private let db: Database
    private var entries: [Version: Decoded] = [:]
    /// As many as are kept: one may hold thousands of operations.
    private static let limit = 16

    private struct Decoded {
        let entry: Entry
        let operations: [RecordID: [TingCore.Operation]]
        let effects: [RecordID: [Effect]]
    }

    /// What an entry did to one record.
    package struct Part {
        package let entry: Entry
        package let operations: [TingCore.Operation]
        package let effects: [Effect]
    }

    package init(_ db: Database) { self.db = db }

    /// What touched a record after a version, as far as it is here, oldest first.
    package func parts(touching record: RecordID, since: Version = 0) throws -> [Part] {
        let versions = try Version.storedAll(
            db.cachedStatement(
                sql: """
                    SELECT version FROM ting_touch WHERE record = ? AND version > ?
                    AND version IN (SELECT version FROM history) ORDER BY version
                    """), arguments: [record.description, since])
        return try versions.compactMap { version in
            guard let decoded = try decoded(version) else { return nil }
            return Part(
                entry: decoded.entry, operations: decoded.operations[record] ?? [],
                effects: decoded.effects[record] ?? [])
        }
    }

    private func decoded(_ version: Version) throws -> Decoded? {
        if let known = entries[version] { return known }
        guard let entry = try HistoryTables.entries(db, versions: [version]).first else {
            return nil
        }
        if entries.count >= Self.limit { entries.removeAll() }
        let decoded = Decoded(
            entry: entry,
            operations: Dictionary(grouping: entry.changeSet.operations, by: \.record),
            effects: Dictionary(grouping: entry.allEffects, by: \.record))
        entries[version] = decoded
        return decoded
    }
}
