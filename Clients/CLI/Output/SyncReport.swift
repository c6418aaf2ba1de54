// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

/// The short account with which a sync ends.
struct SyncReport: Sendable {
    private let replica: Replica
    private let isJSON: Bool
    private let isQuiet: Bool
    /// Whether others come after it: then each is a line of JSON (jsonlines.org).
    private let isOneOfMany: Bool

    init(_ replica: Replica, _ console: Console, isOneOfMany: Bool = false) {
        self.replica = replica
        self.isOneOfMany = isOneOfMany
        isJSON = console.json
        isQuiet = console.quiet
    }

    func show(_ outcome: SyncSession.Outcome) throws {
        let console = Console(json: isJSON, quiet: isQuiet)
        let summary = outcome.summary
        if summary.renamed {
            console.warn(
                "this replica is a copy of another one: it took a new id, and its edits came along."
            )
        }
        for sentence in Self.mishaps(outcome) { console.warn(sentence) }
        if !isJSON {
            console.note(try account(outcome))
            try showConflicts(summary.conflicts, console)
        }
        if summary.deferred > 0 {
            console.warn(
                "the server can't judge \(summary.deferred.counted("change set")) yet: `ting status` says why."
            )
        }
        if isJSON {
            let account = try json(outcome)
            return console.data(isOneOfMany ? account.text : account.indented)
        }
        if summary.quarantined > 0 {
            console.warn(
                "rejected, and kept in quarantine: \(summary.quarantined.counted("change set")).")
            console.hint("`ting quarantine` shows why, and what to do.")
        }
    }

    /// What `ting sync --json` prints.
    func json(_ outcome: SyncSession.Outcome) throws -> JSONValue {
        let summary = outcome.summary
        let open = try replica.read { try openStill($0, of: summary.conflicts) }
        return .object([
            ("sent", .integer(summary.sent)), ("received", .integer(summary.received)),
            ("merged", .integer(summary.merged)), ("conflicts", .integer(open.count)),
            ("quarantined", .integer(summary.quarantined)),
            ("deferred", .integer(summary.deferred)),
            ("invalid", .integer(try replica.status().invalid.count)),
            ("version", .integer(outcome.version)),
        ])
    }

    /// What went wrong with the replica or its server, and how it was put right.
    private static func mishaps(_ outcome: SyncSession.Outcome) -> [String] {
        var sentences: [String] = []
        if outcome.mended > 0 {
            sentences.append(
                "put right from the server, since they differed: \(outcome.mended.counted("record"))."
            )
        }
        if let reason = outcome.startedOver {
            let what =
                switch reason {
                case .anotherEpoch: "the server was restored, and its history is another one"
                case .otherHistory: "the server's files were put back to an older state"
                case .belowFloor:
                    "this replica was away for longer than the server keeps its history"
                case .notMended: "the records here could not be put right one by one"
                }
            sentences.append(
                "\(what): this replica went on from a snapshot, with its outbox; its old file is kept beside it."
            )
        }
        if outcome.givenBack > 0 {
            sentences.append(
                "the server has back what it had lost: \(outcome.givenBack.counted("change set"))."
            )
        }
        if outcome.unproven > 0 {
            sentences.append(
                "not taken back by the server: \(outcome.unproven.counted("change set")); your own are in the outbox again, the others in the old file."
            )
        }
        return sentences
    }

    private func account(_ outcome: SyncSession.Outcome) throws -> String {
        let summary = outcome.summary
        guard outcome.hasNews else { return "Nothing new; version \(outcome.version)." }
        var parts = ["sent \(summary.sent)"]
        if summary.merged > 0 { parts[0] += " (\(summary.merged) merged)" }
        let authors = try authors(summary.authors)
        parts.append("received \(summary.received)" + (authors.isEmpty ? "" : " from \(authors)"))
        let text = parts.joined(separator: ", ")
        return text.prefix(1).uppercased() + text.dropFirst() + "; version \(outcome.version)."
    }

    private func authors(_ ids: Set<MemberID>) throws -> String {
        guard !ids.isEmpty else { return "" }
        let names = try replica.read { try RecordText.memberNames($0) }
        return ids.map { names[$0.description] ?? $0.description }.sorted().joined(separator: ", ")
    }

    /// So many conflicts are told one by one: the account stays on one screen.
    private static let toldConflicts = 10

    /// The conflicts that opened, and were not settled by what came with them, with the commands that settle them.
    private func showConflicts(_ opened: [RecordID], _ console: Console) throws {
        guard !opened.isEmpty else { return }
        let (lines, more) = try replica.read { db in
            let open = try openStill(db, of: opened)
            let found = try open.prefix(Self.toldConflicts).compactMap {
                try replica.conflict(db, $0)
            }
            let text = try RecordText(
                replica, db, shortening: found.map(\.id.description))
            let lines = found.map { conflict in
                let short = text.short(conflict.id.description)
                return "conflict \(short): \(Terminal.printableLine(conflict.sentence(text)))\n"
                    + "  settle it: ting resolve \(short) keep, or: ting resolve \(short) take"
            }
            return (lines, open.count - found.count)
        }
        for line in lines { console.note(line) }
        if more > 0 { console.note("and \(more) more: `ting conflicts` lists them.") }
    }

    /// Those of the conflicts that opened that are open now, in the order in which they came.
    private func openStill(_ db: Database, of opened: [RecordID]) throws -> [RecordID] {
        guard !opened.isEmpty else { return [] }
        let wanted = Set(opened)
        let ids = try String.fetchAll(
            db,
            sql: """
                SELECT id FROM conflict WHERE \(Replica.openConflict)
                ORDER BY \(Replica.conflictOrder)
                """)
        return ids.compactMap { RecordID($0) }.filter { wanted.contains($0) }
    }
}

extension Session {
    /// Notes from where this sync went on, so that `ting log --since last-sync` can tell what it brought.
    ///
    /// Notes, too, whether it was a bundle's reply that brought it.
    func noteLastSync(
        _ replica: Replica, _ outcome: SyncSession.Outcome, byBundle: Bool = false
    ) throws {
        let home = try home()
        let hasNews = outcome.version > outcome.from
        guard try hasNews || isSyncedByBundle(replica) != byBundle else { return }
        try home.update { known in
            for index in known.replicas.indices
            where home.path(of: known.replicas[index]) == replica.path {
                if hasNews { known.replicas[index].versionBeforeSync = outcome.from }
                known.replicas[index].isSyncedByBundle = byBundle ? true : nil
            }
        }
    }

    /// Whether the last contact was a bundle's reply, as far as is known here.
    func isSyncedByBundle(_ replica: Replica) throws -> Bool {
        let home = try home()
        return try home.configuration().replicas.first { home.path(of: $0) == replica.path }?
            .isSyncedByBundle == true
    }

    /// The version from which the last sync that brought something went on.
    func versionBeforeLastSync(_ replica: Replica) throws -> Version? {
        let home = try home()
        return try home.configuration().replicas.first { home.path(of: $0) == replica.path }?
            .versionBeforeSync
    }
}
