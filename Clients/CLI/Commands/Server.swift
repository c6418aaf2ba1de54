// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Server: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server",
        abstract: "List the servers that this device joined, and follow one that moved.",
        discussion: """
            Examples:
              ting server list
              ting server move old.example.dk ting.example.dk:8443
            """,
        subcommands: [ListServers.self, MoveServer.self],
        defaultSubcommand: ListServers.self)
}

struct ListServers: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the servers that this device joined.",
        discussion: """
            Example:
              ting server list --json
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let known = try session.home().configuration()
        if global.json {
            return console.data(
                .array(
                    known.servers.map { server in
                        .object([
                            ("server", .text(server.url)), ("name", .text(server.name)),
                            ("email", .text(server.email)), ("device", .text(server.device)),
                        ])
                    }))
        }
        guard !known.servers.isEmpty else {
            return console.note("No server joined: run `ting join ADDRESS`.")
        }
        var table = TextTable(headings: ["server", "as", "replicas"])
        table.rows = known.servers.map { server in
            let slugs = known.replicas.filter { $0.server == server.url }.map(\.workspace)
            return [server.url, server.email, Set(slugs).sorted().joined(separator: ", ")]
        }
        console.data(table.lines(style: console.style))
    }
}

struct MoveServer: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Go on at another address: the server moved there, and the replicas follow.",
        discussion: """
            The same server proves itself at the new address by its CA; nobody joins again. Where \
            another server took its workspaces over, join that one first. Edits that wait here go \
            along. A workspace there with another history is taken for the same one only if you \
            say so: its members get your edits.

            Examples:
              ting server move old.example.dk ting.example.dk
              ting server move 192.0.2.7:8443 'https://ting.example.dk:8443'
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The address it had: a host, HOST:PORT or URL.") var old: String
    @Argument(help: "The address it has now.") var new: String
    @Flag(
        name: [.customShort("y"), .long],
        help: "Take a workspace of the same name for the same one, whatever its history.")
    var yes = false

    func run() async throws {
        let home = try session.home()
        guard let target = ServerAddress(new) else {
            throw CommandError(
                .usage, code: "bad_address", "`\(new)` is no address of a server.",
                remedy: "Give HOST or HOST:PORT.")
        }
        let known = try home.configuration()
        let source = try source(known)
        guard source != target.url else {
            throw CommandError(
                .usage, code: "usage", "Both addresses are \(target).",
                remedy: "Give the address that the server had, and the one it has now.")
        }
        let moved = try await connection(home, known, source, target).use {
            try await bind(home, source, $0)
        }
        try home.move(source, to: target)
        try home.update { configuration in
            for replica in moved {
                for index in configuration.replicas.indices
                where configuration.replicas[index].file == replica.file {
                    configuration.replicas[index].server = target.url
                }
            }
        }
        let left = try home.configuration().replicas.filter { $0.server == source }
        if left.isEmpty { try home.forget(source) }
        report(target, moved, left)
    }

    /// The URL that replicas here are bound to; its sign-in may be gone.
    private func source(_ known: ClientConfiguration) throws -> String {
        if let server = known.servers(named: old).first, known.servers(named: old).count == 1 {
            return server.url
        }
        let bound = Set(known.replicas(at: old).map(\.server))
        if let only = bound.first, bound.count == 1 { return only }
        return try session.server(named: old) { "Name one: `ting server move \($0) \(new)`." }.url
    }

    /// With the sign-in at the new address, or else with that of the old one and its roots.
    private func connection(
        _ home: ClientHome, _ known: ClientConfiguration, _ source: String, _ target: ServerAddress
    ) throws -> ServerConnection {
        if known.server(target.url) != nil { return try session.connection(to: target.url) }
        var signIn = try home.signIn(source)
        signIn.server = target
        return try ServerConnection(
            signIn, timeout: session.timeout, environment: Session.environment)
    }

    /// Binds each replica whose workspace is there, once all that has to be asked was answered.
    private func bind(
        _ home: ClientHome, _ source: String, _ connection: ServerConnection
    ) async throws -> [ClientConfiguration.KnownReplica] {
        let there = Set(try await connection.workspaces().map(\.slug))
        let known = try home.configuration()
        let member = known.server(connection.server.url)?.member
        var moved: [ClientConfiguration.KnownReplica] = []
        var locks: [FileLock] = []
        var files: [Replica] = []
        defer {
            for file in files { try? file.close() }
            withExtendedLifetime(locks) {}
        }
        for replica in known.replicas where replica.server == source {
            guard there.contains(replica.workspace) else { continue }
            moved.append(replica)
            let path = home.path(of: replica)
            guard FileManager.default.fileExists(atPath: path) else { continue }
            locks.append(try session.lock(path))
            let file = try Replica(path: path, schema: Session.schema, clock: Session.clock)
            files.append(file)
            if try await !connection.continues(file) {
                try console.confirm(
                    "The workspace \(replica.workspace) at \(connection.server) has another history than the replica here. Are they the same, and may its members get your edits?",
                    yes: yes)
            }
        }
        for file in files {
            try file.bind(
                server: connection.server.url, member: member.flatMap { MemberID($0) })
        }
        return moved
    }

    private func report(
        _ target: ServerAddress, _ moved: [ClientConfiguration.KnownReplica],
        _ left: [ClientConfiguration.KnownReplica]
    ) {
        func list(_ replicas: [ClientConfiguration.KnownReplica]) -> JSONValue {
            .array(replicas.map { .text($0.workspace) })
        }
        let names = moved.map(\.workspace).joined(separator: ", ")
        console.outcome(
            .object([
                ("server", .text(target.url)), ("moved", list(moved)), ("left", list(left)),
            ]),
            "Moved to \(target): \(names.isEmpty ? "no replica" : names).")
        for replica in left {
            console.warn(
                "there is no workspace \(replica.workspace) for you at \(target): its replica stays where it was."
            )
        }
    }
}
