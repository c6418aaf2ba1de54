// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Devices: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices",
        abstract: "List your devices at a server, and revoke one that was lost.",
        discussion: """
            Examples:
              ting devices
              ting devices revoke 3b9f
            """,
        subcommands: [ListDevices.self, RevokeDevice.self],
        defaultSubcommand: ListDevices.self)
}

struct ListDevices: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List your devices.",
        discussion: """
            Example:
              ting devices list --json
            """)

    @OptionGroup var global: GlobalOptions

    @Option(
        help: ArgumentHelp("The server, where you joined several.", valueName: "host"))
    var server: String?

    func run() async throws {
        let devices = try await session.atServer(server) { try await $0.devices() }
        if global.json {
            return console.data(
                .array(
                    devices.map { device in
                        .object([
                            ("id", .text(device.id)), ("name", .text(device.name)),
                            ("created", .text(TimeText.rfc3339(device.created))),
                            ("last_seen", .text(device.lastSeen.map(TimeText.rfc3339))),
                            ("current", .bool(device.isCurrent)),
                        ])
                    }))
        }
        let short = ShortIDs(devices.map(\.id))
        var table = TextTable(headings: ["device", "name", "joined", "last seen"])
        table.rows = devices.map { device in
            [
                short.short(device.id), device.name + (device.isCurrent ? " (this one)" : ""),
                TimeText.short(device.created), device.lastSeen.map(TimeText.short) ?? "never",
            ]
        }
        console.data(table.lines(style: console.style))
    }
}

struct RevokeDevice: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Take a device's access away, for good.",
        discussion: """
            What it has not sent stays on its disk. To leave with this one: `ting logout`.

            Example:
              ting devices revoke 3b9f
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The end of its id, as listed.") var id: String

    @Option(
        help: ArgumentHelp("The server, where you joined several.", valueName: "host"))
    var server: String?

    func run() async throws {
        let id = id
        let revoked = try await session.atServer(server) { connection in
            let found = try await connection.devices().filter { $0.id.hasSuffix(id) }
            guard let device = found.first, found.count == 1 else {
                throw CommandError(
                    .error, code: found.isEmpty ? "not_found" : "ambiguous",
                    found.isEmpty
                        ? "You have no device with the id `\(id)`."
                        : "`\(id)` is the end of \(found.count) devices' ids.",
                    remedy: "`ting devices` lists them.")
            }
            guard !device.isCurrent else {
                throw CommandError(
                    .usage, code: "this_device", "That is the device you are working on.",
                    remedy: "Sign out with `ting logout`: it looks after unsynced edits.")
            }
            try await connection.revoke(device: device.id)
            return device
        }
        console.outcome(
            .object([("revoked", .text(revoked.id)), ("name", .text(revoked.name))]),
            "Revoked \(revoked.name).")
    }
}

extension Session {
    /// Makes calls at a server that this device joined.
    func atServer<T: Sendable>(
        _ place: String?, _ body: (ServerConnection) async throws -> T
    ) async throws -> T {
        let server = try server(named: place) { "Name one: `--server \($0)`." }
        return try await connection(to: server.url).use(body)
    }

    /// Makes calls at the server of a replica.
    func atServer<T: Sendable>(
        of replica: Replica, _ body: (ServerConnection) async throws -> T
    ) async throws -> T {
        try await connection(for: replica).use(body)
    }
}
