// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GRDB
import TingClient
import TingCore
import TingStore

struct Logout: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout",
        abstract: "Sign this device out of a server, and remove its replicas from here.",
        discussion: """
            Refuses while edits are here that the server has not accepted: in the outbox, in \
            quarantine, or held back as invalid. Sync first, or say what becomes of them:
              --keep       the replicas stay; they go on after `ting join`, where they stopped
              --export     edits are written to a file in DIR (this folder), and replicas removed
              --discard    edits are given up for good, and replicas removed

            A replica outside Ting's own folder (`ting clone --to FILE`) stays where it is, with its \
            edits, whatever is chosen.

            The device is revoked at the server, if that is reached. A logout that failed or was \
            cut goes on where it ended: run the same command again.

            Examples:
              ting logout
              ting logout ting.example.dk --keep
              ting logout --export ~/edits
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: ArgumentHelp("The server, where you joined several.", valueName: "host"))
    var host: String?
    @Flag(help: "Leave the replicas here, with the edits in them.") var keep = false
    @Flag(help: "Write unsynced edits to a file that `ting outbox import` reads.")
    var export = false
    @Argument(
        help: ArgumentHelp("Where --export writes; this folder.", valueName: "dir"),
        completion: .directory)
    var folder: String?
    @Flag(help: "Give unsynced edits up, for good.") var discard = false
    @Flag(name: [.customShort("y"), .long], help: "Don't ask.") var yes = false

    func validate() throws {
        guard [keep, export, discard].count(where: { $0 }) <= 1 else {
            throw ValidationError("Only one of --keep, --export and --discard.")
        }
        guard export || folder == nil else {
            throw ValidationError("A folder goes with --export alone.")
        }
    }

    func run() async throws {
        let home = try session.home()
        let (place, target) = try arguments(home.configuration())
        let server = try session.server(named: place) { "Name one: `ting logout \($0)`." }
        var leaving = try Leaving(home, server.url, session, keep: keep)
        try decide(leaving)
        if export { try leaving.export(to: target) }
        let isRevoked = await revoke(server)
        // The sign-in goes last: until then this command can be repeated.
        if !keep { try leaving.removeReplicas() }
        try home.forget(server.url)
        leaving.unlock()
        report(server, leaving, isRevoked)
    }

    /// `ting logout --export DIR` has the folder where the host would stand.
    private func arguments(_ known: ClientConfiguration) throws -> (host: String?, folder: String) {
        guard export, let host, folder == nil, known.servers(named: host).isEmpty else {
            return (host, folder ?? ".")
        }
        return (nil, host)
    }

    private func decide(_ leaving: Leaving) throws {
        guard !keep, !leaving.isSynced else { return }
        if discard {
            return try console.confirm("Discard \(leaving.account), for good?", yes: yes)
        }
        guard !export || leaving.damaged.isEmpty else {
            throw CommandError(
                .error, code: "not_a_replica",
                "The replica \(leaving.damaged[0]) can't be read, so its edits can't be exported.",
                remedy: "Keep it with `--keep`.")
        }
        guard !export else { return }
        throw CommandError(
            .error, code: "unsynced_edits",
            "The server has not accepted all that is here: \(leaving.account).",
            remedy:
                "Run `ting sync` first, or choose `--keep`, `--export DIR` or `--discard`: see `ting logout --help`."
        )
    }

    /// Whether the server knows now that this device is signed out.
    private func revoke(_ server: ClientConfiguration.Server) async -> Bool {
        do {
            try await session.connection(to: server.url).use {
                try await $0.revoke(device: server.device)
            }
            return true
        } catch let error as ClientError where ["unauthorized", "not_found"].contains(error.code) {
            return true
        } catch {
            let reason = ErrorPresenter.report(error).sentence
            console.warn("the device is still registered at the server: \(reason)")
            console.hint(
                "An operator revokes it with `tingd devices --revoke \(server.device)`; you with `ting devices revoke`, from another device."
            )
            return false
        }
    }

    private func report(
        _ server: ClientConfiguration.Server, _ leaving: Leaving, _ isRevoked: Bool
    ) {
        let kept =
            leaving.replicas.map(\.path).filter { !leaving.removed.contains($0) }
            + leaving.unreadable
        func list(_ texts: [String]) -> JSONValue { .array(texts.map { .text($0) }) }
        if global.json {
            return console.data(
                .object([
                    ("server", .text(server.url)), ("revoked", .bool(isRevoked)),
                    ("kept", list(kept + leaving.damaged + leaving.older)),
                    ("exported", list(leaving.exported)),
                    ("removed", list(leaving.removed)),
                ]))
        }
        console.data(leaving.exported)
        console.note("Signed out of \(ServerAddress(server.url)?.authority ?? server.url).")
        for path in leaving.removed { console.note("Removed \(path).") }
        for path in kept { console.note("Kept \(path).") }
        if !kept.isEmpty {
            console.hint("It can be read and edited; after `ting join ADDRESS` it syncs again.")
        }
        for path in leaving.older { console.note("Kept \(path).") }
        if !leaving.older.isEmpty {
            console.hint(
                "It is the replica as it was before it started over, with all that it held; remove it when nobody needs it."
            )
        }
        if !leaving.exported.isEmpty {
            console.hint(
                "After joining and cloning again, `ting outbox import FILE` brings the edits back.")
        }
    }
}

/// The replicas of a server that is left, and what only they hold.
private struct Leaving {
    struct Held {
        var path: String
        var replica: Replica
        var unsynced: UnsyncedEdits
        /// Whether the file lies in Ting's own folder; one that a person put elsewhere is theirs.
        var isOwn: Bool
    }

    private let home: ClientHome
    private let url: String
    private(set) var replicas: [Held] = []
    /// Files in Ting's own folder that can't be read as replicas.
    private(set) var damaged: [String] = []
    /// Files that can't be read as replicas, and stay: elsewhere, or because all do.
    private(set) var unreadable: [String] = []
    /// Files of Ting's own folder that are not there any more: a logout may have been cut.
    private var gone: [String] = []
    private(set) var exported: [String] = []
    private(set) var removed: [String] = []
    /// What removed replicas were before they started over: they stay.
    private(set) var older: [String] = []
    /// No sync of another process is under way meanwhile.
    private var locks: [FileLock] = []

    /// - Throws: What is wrong with a file of Ting's own that is no damage: it may be read another time.
    init(_ home: ClientHome, _ url: String, _ session: Session, keep: Bool) throws {
        self.home = home
        self.url = url
        for known in try home.configuration().replicas where known.server == url {
            let path = home.path(of: known)
            let isOwn = home.storedPath(path) != path
            guard FileManager.default.fileExists(atPath: path) else {
                if isOwn { gone.append(path) }
                continue
            }
            locks.append(try session.lock(path))
            do {
                let replica = try Replica(
                    path: path, schema: Session.schema, clock: Session.clock)
                replicas.append(
                    Held(
                        path: path, replica: replica, unsynced: try replica.unsynced(),
                        isOwn: isOwn))
            } catch  where keep || !isOwn {
                unreadable.append(path)
            } catch  where Self.isDamage(error) {
                damaged.append(path)
            }
        }
    }

    /// Whether a file is no replica, or none any more; whatever else goes wrong with it may pass.
    private static func isDamage(_ error: any Error) -> Bool {
        switch error {
        case let error as DatabaseError:
            [.SQLITE_NOTADB, .SQLITE_CORRUPT].contains(error.resultCode)
        // Not found is what an empty file is.
        case ReplicaError.notAReplica, ReplicaError.damaged, ReplicaError.notFound: true
        case is StoredFormError, is CBORError, is RowDecodingError: true
        default: false
        }
    }

    /// Whether nothing that a removal would take is here alone.
    var isSynced: Bool {
        damaged.isEmpty && replicas.allSatisfy { !$0.isOwn || $0.unsynced.isEmpty }
    }

    /// `2 edits in the outbox of programme, …`.
    var account: String {
        let parts = replicas.filter(\.isOwn).flatMap { held in
            let slug = (try? held.replica.identity().workspace) ?? held.path
            return [
                (held.unsynced.outbox, "edit", "in the outbox of \(slug)"),
                (held.unsynced.quarantine, "rejected change set", "in the quarantine of \(slug)"),
                (held.unsynced.invalid, "invalid edit", "held back in \(slug)"),
            ].filter { $0.0 > 0 }.map { "\($0.0.counted($0.1)) \($0.2)" }
        }
        return (parts + damaged.map { "what \($0) holds, which can't be read" })
            .joined(separator: ", ")
    }

    mutating func export(to folder: String) throws {
        let waiting = replicas.filter { !$0.unsynced.isEmpty }
        // The folder that is named, not those above it: a mistyped path is an error.
        if !waiting.isEmpty, mkdir(ClientHome.absolute(folder), 0o700) != 0, errno != EEXIST {
            let code = errno
            throw CommandError(
                .error, code: "not_written",
                "The folder \(folder) can't be made: \(String(cString: strerror(code)).lowercased()).",
                remedy: "Check the path, its permissions and the free space.")
        }
        for held in waiting {
            let edits = try EditsFile(held.replica)
            let name = "\(ClientHome.absolute(folder))/\(edits.workspace ?? "workspace").edits"
            var path = "\(name).json"
            var number = 2
            while FileManager.default.fileExists(atPath: path) {
                path = "\(name)-\(number).json"
                number += 1
            }
            try InputFile.write(Data((edits.json(Session.schema).indented + "\n").utf8), to: path)
            exported.append(path)
        }
    }

    /// Removes what holds nothing that the person has not decided on.
    mutating func removeReplicas() throws {
        for held in replicas where try held.isOwn && held.replica.remove(holding: held.unsynced) {
            try forget(held.path)
        }
        for path in damaged where unlink(path) == 0 {
            // SQLite would replay the log of this file onto the next one under its name.
            for suffix in ["-wal", "-shm", "-journal"] { unlink(path + suffix) }
            try forget(path)
        }
        damaged = []
        for path in gone { try clear(path) }
        removeParts()
    }

    private mutating func forget(_ path: String) throws {
        removed.append(path)
        try clear(path)
    }

    /// Goes on from a file that is gone: parts of snapshots beside it go, too.
    private mutating func clear(_ path: String) throws {
        let beside = FilesBeside(path)
        for part in beside.parts { unlink(part) }
        older += beside.older
        try home.forget(replica: path)
    }

    /// Removes what came of snapshots for clones that were cut, and never became replicas.
    private func removeParts() {
        guard let server = ServerAddress(url) else { return }
        let some = home.defaultPath(workspace: "some", server: server)
        let folder = (some as NSString).deletingLastPathComponent
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for file in files where FilesBeside.endings.contains(where: { file.hasSuffix($0) }) {
            unlink("\(folder)/\(file)")
        }
    }

    /// Closes what is open, and lets other processes go on.
    mutating func unlock() {
        for held in replicas where !removed.contains(held.path) { try? held.replica.close() }
        locks = []
    }
}

/// What lies beside a replica's file and holds its workspace, too.
private struct FilesBeside {
    /// What came of snapshots, for a clone or a start-over that was cut.
    private(set) var parts: [String] = []
    /// The replica as it was each time before it started over.
    private(set) var older: [String] = []

    /// How files end that `SnapshotDownload` makes, and SQLite beside them.
    static let endings = ["", ".etag", "-wal", "-shm", "-journal"].map { ".partial" + $0 }

    init(_ path: String) {
        let folder = (path as NSString).deletingLastPathComponent
        let name = (path as NSString).lastPathComponent
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let names = Self.endings.flatMap { [name + $0, name + ".snapshot" + $0] }
        for file in files.sorted() {
            if names.contains(file) {
                parts.append("\(folder)/\(file)")
            } else if file.hasPrefix(name + ".before-"), !file.hasSuffix("-wal"),
                !file.hasSuffix("-shm")
            {
                older.append("\(folder)/\(file)")
            }
        }
    }
}
