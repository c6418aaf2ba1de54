// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore

/// Who may do what: `server.sqlite`, with accounts, devices, invitations and memberships.
///
/// Commands of `tingd` open the same file while the server runs. Every request reads it anew, so a
/// change holds from the moment it is committed.
package final class Accounts: Sendable {
    let database: DatabasePool
    let now: @Sendable () -> Int64
    private let place: FilePlace

    /// Whether the file and its log are still what lies at the path: of what `tingd` commands write to
    /// another, as a removal, this would never hear.
    var isInPlace: Bool { FilePlace(database.path) == place }

    /// - Parameter now: milliseconds since 1970.
    package init(path: String, now: @escaping @Sendable () -> Int64) throws {
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(Double(Limits.serverBusySeconds))
        database = try .durable(path: path, configuration: configuration)
        self.now = now
        try AccountsSchema.migrator.migrate(database)
        place = FilePlace(path)
    }

    /// Opens the file to look at it, as `Workspace.looking` does.
    static func looking(
        at path: String, copies folder: String, now: @escaping @Sendable () -> Int64
    ) throws -> Accounts {
        try DatabaseFile.look(at: path, copies: folder) { path in
            var configuration = GRDB.Configuration()
            configuration.busyMode = .timeout(Double(Limits.serverBusySeconds))
            configuration.readonly = true
            let database = try DatabasePool(path: path, configuration: configuration)
            let isPresent = try database.read(AccountsSchema.migrator.hasCompletedMigrations)
            return isPresent ? Accounts(database, now: now) : nil
        } copy: {
            try Accounts(path: $0, now: now)
        }
    }

    private init(_ database: DatabasePool, now: @escaping @Sendable () -> Int64) {
        self.database = database
        self.now = now
        place = FilePlace(database.path)
    }

    package func close() throws { try database.close() }

    /// The same, with everything in the file and nothing in its log: for the one process that serves.
    func closeWhole() throws {
        _ = try? database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        try close()
    }

    /// Throws if nothing can be written: takes the write lock for a moment.
    package func check() throws {
        try database.writeWithoutTransaction { try $0.inTransaction(.immediate) { .rollback } }
    }

    /// Runs one transaction. What it does for a person it notes by `audit`.
    func write<T>(_ body: (Database) throws -> T) throws -> T {
        try Self.naming { try database.write(body) }
    }

    func read<T>(_ body: (Database) throws -> T) throws -> T {
        try Self.naming { try database.read(body) }
    }

    /// Runs what reads columns, and names the file where one holds what it should not: the same error
    /// would be taken for one of a workspace's file where that is open.
    private static func naming<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch is StoredFormError {
            throw ServerError(
                "server.sqlite holds what can't be read.", hint: "Restore it from a backup.")
        }
    }

    /// Notes who did what to whom. No contents, no secrets.
    func audit(
        _ db: Database, _ event: String, by actor: MemberID?, subject: String? = nil,
        workspace: WorkspaceID? = nil
    ) throws {
        try db.execute(
            sql:
                "INSERT INTO audit (time, actor, event, subject, workspace) VALUES (?, ?, ?, ?, ?)",
            arguments: [
                now(), actor?.description ?? "operator", event, subject, workspace?.description,
            ])
    }

    /// Copies the file consistently while it is in use.
    package func backup(to path: String) throws {
        try database.writeWithoutTransaction {
            try $0.execute(sql: "VACUUM INTO ?", arguments: [path])
        }
    }

    /// What SQLite finds wrong with the file; nothing when all is well.
    package func problems() throws -> [String] {
        try read { db in
            let integrity = try String.fetchAll(db, sql: "PRAGMA integrity_check")
            let orphans = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check")
                .map { try $0.stored(String.self, atIndex: 0) }
            return integrity.filter { $0 != "ok" }.map { "server.sqlite: \($0)." }
                + orphans.map { "server.sqlite: a row of \($0) refers to nothing." }
        }
    }

    /// When an event was last noted, in milliseconds since 1970.
    package func lastTime(of event: String) throws -> Int64? {
        try read {
            try Int64.storedOne(
                $0, sql: "SELECT time FROM audit WHERE event = ? ORDER BY id DESC LIMIT 1",
                arguments: [event])
        }
    }

    /// Notes an operator's act that changes no account, as a backup.
    package func note(_ event: String) throws {
        try write { try audit($0, event, by: nil) }
    }

    /// Notes what the operator did to a workspace.
    func note(_ event: String, workspace: WorkspaceID, subject: String) throws {
        try write { try audit($0, event, by: nil, subject: subject, workspace: workspace) }
    }

    /// What is noted when a command has applied a bundle.
    static let bundleApplied = "bundle.applied"

    /// The workspaces to which commands applied bundles after that line of the audit log, and the last
    /// line of one.
    func bundlesApplied(after line: Int64) throws -> (workspaces: Set<WorkspaceID>, last: Int64) {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT id, workspace FROM audit
                    WHERE event = ? AND id > ? AND workspace IS NOT NULL ORDER BY id
                    """,
                arguments: [Self.bundleApplied, line])
            let workspaces = try rows.map { try WorkspaceID(column: $0.stored(atIndex: 1)) }
            return (Set(workspaces), try rows.last?.stored(Int64.self, atIndex: 0) ?? line)
        }
    }
}

extension ID {
    /// An id from a column, or an error that names a damaged file.
    init(column text: String) throws {
        guard let id = Self(text) else {
            throw ServerError(
                "server.sqlite holds an id that is none.", hint: "Restore it from a backup.")
        }
        self = id
    }
}

extension Row {
    /// A column that must hold this type or NULL, for which it gives `nil`.
    /// - Throws: `StoredFormError` where it holds something else.
    func storedIfAny<T: StoredColumn>(
        _ type: T.Type = T.self, atIndex index: Int
    ) throws -> T? {
        guard !hasNull(atIndex: index) else { return nil }
        return try stored(type, atIndex: index)
    }
}
