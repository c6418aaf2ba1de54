// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingClient
import TingCore
import TingStore

struct Join: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Register this device at a server, with the address of an invitation.",
        discussion: """
            The device gets a key pair and a token of its own. The address is good once. Several \
            servers are fine.

            Example:
              ting join 'ting://server:8443/join?code=…&pin=…' --device kbh-lt-044
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The join address, one line.") var address: String

    @Option(help: ArgumentHelp("What to call this device.", valueName: "name"))
    var device: String?

    @Option(
        help: ArgumentHelp(
            "The CA of the server, where its address says `trust=system` but it is a private one.",
            valueName: "file"), completion: .file())
    var tlsCa: String?

    func validate() throws {
        guard device?.allSatisfy(\.isWhitespace) != true else {
            throw ValidationError("--device is empty: name the device, or leave it out.")
        }
        if let device { try NameOption.check(device, of: "--device") }
    }

    func run() async throws {
        guard let address = JoinAddress(address) else {
            throw CommandError(
                .usage, code: "bad_address", "This is no join address.",
                remedy: "Copy the whole line, in quotes: 'ting://HOST:PORT/join?code=…&pin=…'.")
        }
        let home = try session.home()
        let bundleKey = home.serverBundleKey(address.server.url)
        let joined = try await home.join(
            address, device: device ?? Self.hostName, authorityFile: tlsCa,
            schema: Session.schema.version, timeout: session.timeout,
            environment: Session.environment)
        await session.learnBundleKey(joined.server.url)
        let slugs = joined.workspaces
        console.outcome(
            .object([
                ("server", .text(joined.server.url)), ("device", .text(joined.device)),
                ("member", .text(joined.member)), ("name", .text(joined.name)),
                ("email", .text(joined.email)), ("workspaces", .array(slugs.map { .text($0) })),
            ]),
            "Joined \(joined.server) as \(joined.name) <\(joined.email)>.")
        if !global.json {
            if let bundleKey, let now = home.serverBundleKey(joined.server.url), now != bundleKey {
                console.note(
                    "The server has another key for bundles than before, and it is taken: a bundle that is still on its way can't be opened there; make a new one with `ting bundle create`."
                )
            }
            try advise(joined)
        }
    }

    /// What comes next: sync what is here already, move what a server left behind, or clone.
    private func advise(_ joined: JoinedDevice) throws {
        let home = try session.home()
        let slugs = joined.workspaces
        let replicas = try home.configuration().replicas.filter { replica in
            replica.server == joined.server.url && slugs.contains(replica.workspace)
                && FileManager.default.fileExists(atPath: home.path(of: replica))
        }
        var own: Set<String> = []
        var foreign: [(slug: String, hint: String)] = []
        for replica in replicas {
            let path = home.path(of: replica)
            if let refusal = refusal(path) {
                let hint = "The replica \(path) is another person's. \(refusal.remedy)"
                foreign.append((replica.workspace, hint))
            } else {
                own.insert(replica.workspace)
            }
        }
        if let before = try home.servers(trusting: joined).first {
            console.hint(
                "It is the server that was at \(before): `ting server move \(before) \(joined.server)` takes its replicas along."
            )
        }
        if !own.isEmpty {
            console.hint(
                "`ting sync` goes on with what is here: \(own.sorted().joined(separator: ", ")).")
        }
        for other in foreign where !own.contains(other.slug) { console.hint(other.hint) }
        let here = Set(replicas.map(\.workspace))
        let missing = slugs.filter { !here.contains($0) }
        if let first = missing.first {
            console.hint(
                missing.count == 1
                    ? "Make a replica with `ting clone \(first)`."
                    : "Make a replica with `ting clone SLUG`: \(missing.joined(separator: ", ")).")
        }
    }

    /// Why a replica does not sync for who joined; `nil` where it does, or can't be opened now.
    private func refusal(_ path: String) -> CommandError? {
        guard
            let replica = try? Replica(path: path, schema: Session.schema, clock: Session.clock)
        else { return nil }
        defer { try? replica.close() }
        do { try session.check(mayEdit: replica) } catch { return error as? CommandError }
        return nil
    }

    private static var hostName: String {
        let name = ProcessInfo.processInfo.hostName
        return name.isEmpty ? "device" : name
    }
}
