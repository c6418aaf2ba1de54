// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Synchronization
import TingClient
import TingCore
import TingPlanning
import TingStore
import TingTerminal

/// Which replica and server a command means: options first, then the environment, then what is here.
struct Session {
    let options: CommonOptions

    static let environment = ProcessInfo.processInfo.environment

    static var schema: Schema { PlanningSchema.schema }

    /// The collections that people write, for help.
    static var collectionNames: String {
        schema.written.map(\.name).joined(separator: ", ")
    }

    /// Milliseconds since 1970 on this machine's clock.
    static let clock: @Sendable () -> Int64 = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    func home() throws -> ClientHome { try ClientHome(variable: ProcessEnvironment.variable) }

    var timeout: Duration { .seconds(options.timeout) }

    /// Opens the replica that the command means.
    func replica() throws -> Replica {
        let path = try path()
        Self.file.withLock { $0 = path }
        do {
            let replica = try Replica(
                path: path, schema: Self.schema, clock: Self.clock,
                isWaiting: { sayThatItWaits("another program that writes to \(path)") })
            Self.opened.withLock { $0.append(replica) }
            try check(replica)
            return replica
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw ReplicaError.notAReplica(path)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CANTOPEN {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
                isFolder.boolValue
            {
                throw ReplicaError.notAReplica(path)
            }
            throw Self.notWritable(path, opens: false)
        }
    }

    /// Refuses a file that is of another workspace than the one that is named beside it.
    private func check(_ replica: Replica) throws {
        guard options.replica != nil, let wanted = options.workspace else { return }
        let identity = try replica.identity()
        var known = ClientConfiguration()
        known.replicas = [
            .init(workspace: identity.workspace, server: identity.server, file: replica.path)
        ]
        guard known.replicas(named: wanted).isEmpty else { return }
        throw CommandError(
            .usage, code: "other_workspace",
            "The file \(replica.path) is a replica of \(identity.workspace), not of \(wanted).",
            remedy: "Leave out `-w` or `--replica`: one of them is enough.")
    }

    /// Seals what other tools wrote, for a command that only reads: where that can't be done it says so, and
    /// reads what is sealed.
    func sealForReading(_ replica: Replica, _ console: Console) throws {
        switch try replica.sealForReading() {
        case nil: break
        case .SQLITE_BUSY?, .SQLITE_LOCKED?:
            console.warn(
                "another program is writing the replica: what other tools edited lately is not in this."
            )
        default:
            console.warn(
                "the replica can't be written: what other tools edited lately is not in this.")
        }
    }

    /// No other process syncs the replica while the lock is held.
    func lock(_ path: String) throws -> FileLock {
        do {
            return try FileLock(path: path + ".lock") {
                sayThatItWaits("another `ting` that syncs \(path)")
            }
        } catch HomeError.notWritten(_, let code) where [EROFS, EACCES, EPERM].contains(code) {
            throw Self.notWritable(path)
        }
    }

    private func sayThatItWaits(_ what: String) {
        guard !options.json, !options.quiet else { return }
        Terminal.write("ting: waiting for \(Terminal.printable(what)) …\n", to: STDERR_FILENO)
    }

    /// The replica's file that this command is about, for errors that don't name it.
    private static let file = Mutex<String?>(nil)

    /// Why a replica can't be opened or written: most often its folder, where SQLite keeps a log.
    /// - Parameter opens: Whether it can be read: then it is listed and searched as it is.
    static func notWritable(_ path: String?, opens: Bool = true) -> CommandError {
        let problem = opens ? "can't be written" : "can't be opened"
        let rest = opens ? " `ting list`, `show`, `search` and `log` work meanwhile." : ""
        let folder = path.map { ($0 as NSString).deletingLastPathComponent }
        guard let path, let folder, access(path, R_OK) == 0, access(folder, W_OK) != 0 else {
            return CommandError(
                .error, code: "not_writable",
                "\(path.map { "The replica \($0)" } ?? "The replica") \(problem).",
                remedy: "Check the permissions of the file and its folder.\(rest)")
        }
        return CommandError(
            .error, code: "not_writable",
            "The replica \(path) \(problem): nothing can be written in its folder, where SQLite keeps the log.",
            remedy:
                "Ask for permission to write in \(folder), or make a replica of your own with `ting clone SLUG --to FILE`.\(rest)"
        )
    }

    /// The file that errors are about, where it is known.
    static var currentFile: String? { file.withLock { $0 } }

    /// How errors name the replica.
    static var replicaName: String {
        file.withLock { $0.map { "The replica \($0)" } ?? "The replica" }
    }

    /// Kept until the program ends: to take a replica apart starts a thread, to close it does not.
    private static let opened = Mutex<[Replica]>([])

    /// What was missing in a replica that this program opened, and was made anew.
    static var remade: [String] { opened.withLock { $0.flatMap(\.remade) } }

    /// What other tools wrote to conflicts that was put back, and is not told yet.
    static func takePutBack() -> [InvalidEdit] {
        opened.withLock { $0.flatMap { $0.takePutBack() } }
    }

    /// Closes what this program opened, so that the file is whole without its log.
    /// - Parameter end: what to do before anybody else can close them, or notice that they are.
    static func close(_ end: () -> Void = {}) {
        opened.withLock { replicas in
            for replica in replicas { try? replica.close() }
            end()
        }
    }

    /// The file of the replica that the command means.
    func path() throws -> String {
        for (name, value) in [("--workspace", options.workspace), ("--replica", options.replica)]
        where value?.isEmpty == true {
            throw CommandError(
                .usage, code: "usage", "`\(name)` is empty.",
                remedy: "Name one, or leave it out: `ting workspaces` lists what there is.")
        }
        if let file = options.replica { return ClientHome.absolute(file) }
        if options.workspace == nil, let file = ProcessEnvironment.variable("TING_REPLICA") {
            return ClientHome.absolute(file)
        }
        let home = try home()
        let known = try home.configuration()
        let wanted = options.workspace ?? ProcessEnvironment.variable("TING_WORKSPACE")
        let named = wanted.map { known.replicas(named: $0) } ?? known.replicas
        // A file that somebody took away is no choice, unless it is the only one.
        let there = named.filter { FileManager.default.fileExists(atPath: home.path(of: $0)) }
        let found = there.isEmpty ? named : there
        if let only = found.first, found.count == 1 { return home.path(of: only) }
        guard let first = found.first else { throw none(wanted) }
        guard found.allSatisfy({ $0.server == first.server && $0.workspace == first.workspace })
        else { throw several(found) }
        // Several of one workspace: the one in Ting's own folder, where `clone` puts it.
        let own = found.filter { !$0.file.hasPrefix("/") }
        if let only = own.first, own.count == 1 { return home.path(of: only) }
        throw CommandError(
            .usage, code: "which_replica",
            "There are several replicas of \(first.workspace) here: "
                + found.map { home.path(of: $0) }.joined(separator: ", ") + ".",
            remedy: "Name one with `--replica FILE`, or set TING_REPLICA.")
    }

    private func none(_ wanted: String?) -> CommandError {
        if let wanted {
            return CommandError(
                .error, code: "no_replica", "There is no replica of the workspace \(wanted) here.",
                remedy:
                    "Make one with `ting clone \(wanted)`; `ting workspaces` lists what there is.")
        }
        return CommandError(
            .error, code: "no_replica", "There is no replica here yet.",
            remedy: "Make one with `ting clone SLUG`, after `ting join ADDRESS`.")
    }

    private func several(_ found: [ClientConfiguration.KnownReplica]) -> CommandError {
        let names = Set(
            found.map { replica in
                let host = ServerAddress(replica.server)?.authority ?? replica.server
                let isUnique = found.count { $0.workspace == replica.workspace } == 1
                return isUnique ? replica.workspace : "\(host)/\(replica.workspace)"
            }
        ).sorted()
        return CommandError(
            .usage, code: "which_workspace",
            "There are several replicas here: \(names.joined(separator: ", ")).",
            remedy: "Name one with `-w SLUG` (or `-w HOST/SLUG`), or set TING_WORKSPACE.")
    }

    /// The server that a person names by host, HOST:PORT or URL; the only one, where none is named.
    /// - Parameter remedy: How to name one of several, given an example.
    func server(
        named place: String?, remedy: (_ example: String) -> String
    ) throws -> ClientConfiguration.Server {
        let known = try home().configuration()
        let found = place.map { known.servers(named: $0) } ?? known.servers
        if let only = found.first, found.count == 1 { return only }
        guard found.isEmpty else {
            let names = found.compactMap { ServerAddress($0.url)?.authority }
            throw CommandError(
                .usage, code: "which_server",
                "You joined several servers: \(names.joined(separator: ", ")).",
                remedy: remedy(names.first ?? "HOST"))
        }
        throw CommandError(
            .refused, code: "not_signed_in",
            place.map { "This device has not joined the server `\($0)`." }
                ?? "This device has not joined a server yet.",
            remedy:
                "Ask for an invitation and run `ting join ADDRESS`; `ting server list` lists those that it joined."
        )
    }

    /// A connection to the server that a replica belongs to.
    func connection(for replica: Replica) throws -> ServerConnection {
        try check(mayEdit: replica)
        return try connection(to: replica.identity().server)
    }

    /// Refuses to send one person's edits under another's name.
    ///
    /// Who joined a server that was made anew has another account there, and the same address.
    func check(mayEdit replica: Replica) throws {
        let identity = try replica.identity()
        guard let known = try home().configuration().server(identity.server),
            let owner = identity.member, owner.description != known.member
        else { return }
        let member = try replica.members().first { $0.id == owner }
        guard let member, member.email.lowercased() != known.email.lowercased() else { return }
        throw CommandError(
            .refused, code: "other_member",
            "This is the replica of \(member.name) <\(member.email)>, and you joined as \(known.email).",
            remedy:
                "Make one of your own with `ting clone \(identity.workspace) --to FILE`; the edits in this one are \(member.name)'s to send."
        )
    }

    func connection(to url: String) throws -> ServerConnection {
        try ServerConnection(
            home().signIn(url), timeout: timeout, environment: Self.environment)
    }
}
