// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization
import TingStore

/// Watches a write of a person's SQL, and refuses one that would damage the replica: Ting's own
/// tables and the definition of the others. Whoever means it can open the file in `sqlite3`.
final class StatementGuard: TransactionObserver {
    private let touched = Mutex<String?>(nil)

    /// Runs `body` in the transaction under way.
    /// - Throws: `CommandError` when it wrote what belongs to Ting; the transaction is to be rolled back.
    static func guarding<T>(_ db: Database, _ body: () throws -> T) throws -> T {
        let guardian = StatementGuard()
        let before = try schemaVersion(db)
        db.add(transactionObserver: guardian, extent: .observerLifetime)
        db.setDefensive(true)
        defer {
            db.setDefensive(false)
            db.remove(transactionObserver: guardian)
        }
        let result = try body()
        if let table = guardian.touched.withLock({ $0 }) {
            throw refusal("The table \(table) is Ting's own; nothing was changed.")
        }
        guard try schemaVersion(db) == before else {
            throw refusal("Tables keep the definition that the schema gives; nothing was changed.")
        }
        return result
    }

    private static func schemaVersion(_ db: Database) throws -> Int64? {
        try Int64.fetchOne(db, sql: "PRAGMA schema_version")
    }

    private static func refusal(_ sentence: String) -> CommandError {
        CommandError(
            .error, code: "own_table", sentence,
            remedy: "Change the records of collections; `ting add --help` names them.")
    }

    /// Called for each statement about to run, with what it writes.
    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool {
        let table = eventKind.tableName
        if table.hasPrefix("ting_") || ["history", "member"].contains(table) {
            touched.withLock { $0 = table }
        }
        return false
    }

    func databaseDidChange(with event: DatabaseEvent) {}
    func databaseDidCommit(_ db: Database) {}
    func databaseDidRollback(_ db: Database) {}
}
