// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingClient
import TingCore
import TingPlanning
import TingStore
import TingTerminal

struct Clone: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clone",
        abstract: "Make a replica of a workspace on this device.",
        discussion: """
            A clone that was cut goes on where it ended: run the same command again. So does one \
            whose --carry-over failed, with the right file.

            Examples:
              ting clone programme
              ting clone server.example/programme --to ~/programme.sqlite
              ting clone programme --to new.sqlite --carry-over damaged.sqlite
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The workspace, or HOST/SLUG.") var slug: String

    @Option(
        help: ArgumentHelp(
            "Where the replica goes, instead of Ting's own folder.", valueName: "file"),
        completion: .file())
    var to: String?

    @Option(
        help: ArgumentHelp(
            "Take over what waits in a damaged replica: outbox and quarantine.",
            valueName: "file"),
        completion: .file())
    var carryOver: String?

    func run() async throws {
        let home = try session.home()
        let place = slug.lastIndex(of: "/").map { String(slug[..<$0]) }
        let name = slug.split(separator: "/").last.map(String.init) ?? slug
        let server = try session.server(named: place) { "Name one: `ting clone \($0)/\(name)`." }
        guard let address = ServerAddress(server.url), Self.isSlug(name) else {
            throw CommandError(
                .usage, code: "usage", "`\(slug)` is not the name of a workspace.",
                remedy: "`ting workspaces` lists them.")
        }
        let path =
            to.map { ClientHome.absolute($0) }
            ?? home.defaultPath(workspace: name, server: address)
        if let carryOver { try Self.check(carriedOver: carryOver) }
        let connection = try session.connection(to: server.url)
        let replica: Replica
        do {
            if let left = try leftBehind(path, name, server, home) {
                replica = left
            } else {
                replica = try await download(name, path, server, connection)
            }
            for table in ReferenceData.tables {
                try replica.install(
                    reference: table.name, columns: table.columns, rows: table.rows)
            }
            if let carryOver {
                try takeOver(ClientHome.absolute(carryOver), replica, server.email)
            }
            // Known here when it is whole: until then the same command takes up what it left behind.
            try remember(name, server.url, path, home)
        } catch {
            await connection.close()
            throw error
        }
        // What came since the snapshot; the replica stands without it.
        let (outcome, failure) = await sync(replica, connection)
        await connection.close()
        if let failure = failure as? ClientError, failure.scope == .transient {
            console.warn(
                "the newest edits did not come yet: \(failure.sentence) `ting sync` brings them.")
        }
        try report(replica, name, outcome)
        if let failure, (failure as? ClientError)?.scope != .transient { throw failure }
        if let outcome, outcome.summary.quarantined > 0 { throw Finish.quarantined }
    }

    /// The first sync, while no other process syncs this replica.
    private func sync(
        _ replica: Replica, _ connection: ServerConnection
    ) async -> (outcome: SyncSession.Outcome?, failure: (any Error)?) {
        do {
            let lock = try session.lock(replica.path)
            defer { withExtendedLifetime(lock) {} }
            let sync = try SyncSession(
                replica, over: connection, leavesDigest: true, now: Session.clock)
            return (try await sync.run(), nil)
        } catch {
            return (nil, error)
        }
    }

    /// How an SQLite file begins (sqlite.org/fileformat.html#magic_header_string).
    private static let magic = Data("SQLite format 3\0".utf8)

    /// Refuses what nothing can be taken over from, before anything is downloaded.
    private static func check(carriedOver file: String) throws {
        let path = ClientHome.absolute(file)
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw CommandError(
                .error, code: "not_read", "The file \(path) can't be read.",
                remedy: "Check the path and its permissions.")
        }
        guard (try? handle.read(upToCount: magic.count)) == magic else {
            throw ReplicaError.notAReplica(path)
        }
    }

    private func takeOver(_ damaged: String, _ replica: Replica, _ email: String) throws {
        let carried = try replica.carryOver(from: damaged, email: email)
        console.note(
            "Carried over \(carried.outbox.counted("unsynced change set")) and \(carried.quarantine) from quarantine."
        )
        if carried.unsealed > 0 {
            console.warn(
                "Edits of \(carried.unsealed.counted("record")) that other tools made, or that were held back as invalid, stay in \(damaged); keep it."
            )
        }
        guard carried.damaged > 0 else { return }
        console.warn(
            "\(carried.damaged.counted("change set")) can't be read any more; keep \(damaged).")
    }

    private func download(
        _ name: String, _ path: String, _ server: ClientConfiguration.Server,
        _ connection: ServerConnection
    ) async throws -> Replica {
        let progress = console.progress
        defer { progress.end() }
        return try await connection.clone(
            name, to: path, member: MemberID(server.member), schema: Session.schema,
            clock: Session.clock
        ) { done, all in
            progress.report("\(ProgressLine.bytes(done)) of \(ProgressLine.bytes(all))")
        }
    }

    /// The replica of a clone that failed or was killed when its file was whole, but not known here yet.
    private func leftBehind(
        _ path: String, _ name: String, _ server: ClientConfiguration.Server, _ home: ClientHome
    ) throws -> Replica? {
        guard FileManager.default.fileExists(atPath: path),
            try !home.configuration().replicas.contains(where: { home.path(of: $0) == path }),
            let replica = try? Replica(path: path, schema: Session.schema, clock: Session.clock),
            let identity = try? replica.identity()
        else { return nil }
        guard identity.workspace == name, identity.server == server.url,
            identity.member == MemberID(server.member)
        else {
            try replica.close()
            return nil
        }
        return replica
    }

    /// A slug is part of a path, here and there: nothing in it may climb.
    private static func isSlug(_ text: String) -> Bool {
        !text.isEmpty && !text.hasPrefix(".") && !text.contains("/") && !text.contains("\0")
    }

    private func remember(_ name: String, _ url: String, _ path: String, _ home: ClientHome) throws
    {
        let entry = ClientConfiguration.KnownReplica(
            workspace: name, server: url, file: home.storedPath(path))
        try home.update { known in
            known.replicas.removeAll { home.path(of: $0) == path }
            known.replicas.append(entry)
        }
    }

    private func report(
        _ replica: Replica, _ name: String, _ outcome: SyncSession.Outcome?
    ) throws {
        let report = SyncReport(replica, console)
        let version = try replica.identity().base.version
        let records = try replica.read { db in
            try replica.schema.written.reduce(0) { try $0 + RecordTable($1).count(db) }
        }
        let sync = try global.json ? outcome.map(report.json) : nil
        console.outcome(
            .object([
                ("workspace", .text(name)), ("path", .text(replica.path)),
                ("version", .integer(version)), ("records", .integer(records)),
                ("sync", sync ?? .null),
            ]),
            "Cloned \(name) at version \(version): \(records.counted("record")) in \(replica.path)."
        )
        guard !global.json, let outcome else { return }
        // What only came is counted already.
        var rest = outcome
        rest.summary.received = 0
        if rest.hasNews { try report.show(outcome) }
    }
}
