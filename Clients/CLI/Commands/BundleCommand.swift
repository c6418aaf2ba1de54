// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingClient
import TingCore
import TingStore
import TingTerminal
import TingWire

struct BundleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle",
        abstract: "Sync by hand, where no line reaches: a sealed file goes, a sealed file comes.",
        discussion: """
            The bundle goes by e-mail or on a stick to whoever runs the server, or to a colleague \
            who is online; the reply comes back the same way. Whoever carries them can neither read \
            nor alter them. Syncing in between is fine, and so is a bundle that comes twice.

            Examples:
              ting bundle create                            here: writes SLUG.bundle
              tingd bundle apply --data DIR SLUG.bundle     at the server: writes SLUG.bundle.reply
              ting bundle carry SLUG.bundle                 or by a colleague's device
              ting bundle apply SLUG.bundle.reply           here again
            """,
        subcommands: [CreateBundle.self, ApplyBundle.self, CarryBundle.self])

    /// Errors of bundles, as commands report them.
    static func presented<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as BundleError {
            throw CommandError(.error, code: error.code, error.sentence, remedy: error.remedy)
        } catch is WireError {
            throw CommandError(
                .error, code: "bundle_damaged", "The bundle does not hold what it should.",
                remedy: "It was made by another version of Ting: upgrade the older side.")
        }
    }

    /// Refuses JSON beside a bundle: both would go to standard output.
    static func check(_ global: GlobalOptions, writesTo path: String?) throws {
        guard global.json, path == "-" else { return }
        throw ValidationError(
            "The bundle goes to standard output: leave out --json, or name a file for it.")
    }

    static func read(_ path: String) throws -> [UInt8] {
        try presented { try SealedBundle.dearmored(InputFile.read(path)) }
    }

    static func write(_ file: [UInt8], to path: String, armored: Bool) throws {
        if path == "-", !armored, Terminal.outputIsTerminal {
            throw CommandError(
                .usage, code: "usage", "A bundle is no text for a terminal.",
                remedy: "Add `--armor`, or name a file.")
        }
        if path != "-" { try BundleTarget.check(ClientHome.absolute(path)) }
        try InputFile.write(
            armored ? Data(SealedBundle.armored(file).utf8) : Data(file), to: path)
    }
}

struct CreateBundle: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Write what waits here as a file for the server.",
        discussion: """
            Needs no network, once this device has heard the server's key: when it joined, or synced. \
            Nothing leaves the outbox before the reply, or a sync.

            Examples:
              ting bundle create
              ting bundle create --to - --armor | mail -s 'Edits' operator@example.dk
            """)

    @OptionGroup var global: GlobalOptions

    @Option(
        help: ArgumentHelp(
            "Where it goes; `-` is standard output. SLUG.bundle otherwise.", valueName: "file"),
        completion: .file())
    var to: String?
    @Flag(help: "Write text, for the body of an e-mail.") var armor = false

    func validate() throws { try BundleCommand.check(global, writesTo: to) }

    func run() async throws {
        let replica = try session.replica()
        let identity = try replica.identity()
        let home = try session.home()
        try session.check(mayEdit: replica)
        if !home.hasBundleKey(identity.server) { await session.learnBundleKey(identity.server) }
        let keys = try home.bundleKeys(identity.server)
        let invalid = try replica.seal()
        if !global.json { console.warn(about: invalid) }
        let made = try BundleCommand.presented { try replica.bundle(keys) }
        let path = to ?? "\(identity.workspace).bundle"
        try BundleCommand.write(made.file, to: path, armored: armor)
        let rest =
            made.waiting > 0
            ? " \(made.waiting.counted("change set")) had no room: make another after the reply."
            : ""
        let account = "The bundle carries \(made.carried.counted("change set")).\(rest)"
        if path == "-" { return console.note(account) }
        console.result(
            .object([
                ("file", .text(ClientHome.absolute(path))), ("carried", .integer(made.carried)),
                ("waiting", .integer(made.waiting)),
            ]), [path])
        if !global.json { console.note(account) }
    }
}

struct ApplyBundle: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Take in the reply that came back.",
        discussion: """
            Needs no network. The same reply twice, or an old one after a sync, changes nothing. \
            Exits with 5 where something went to quarantine, like a sync.

            Examples:
              ting bundle apply programme.bundle.reply
              ting bundle apply -
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The reply; `-` for standard input.", completion: .file()) var file: String

    func run() throws {
        let reply = try BundleCommand.read(file)
        let replica = try session.replica()
        let keys = try session.home().bundleKeys(replica.identity().server)
        let lock = try session.lock(replica.path)
        defer { withExtendedLifetime(lock) {} }
        guard let outcome = try BundleCommand.presented({ try take(reply, replica, keys) }) else {
            throw CommandError(
                .error, code: "bundle_outdated",
                "The reply is to another replica than this, or to an earlier state of it.",
                remedy: "Nothing was taken. Make a new bundle with `ting bundle create`.")
        }
        // The same reply once more is no new contact.
        if outcome.hasNews { try replica.note(contact: Session.clock()) }
        try SyncReport(replica, console).show(outcome)
        if outcome.hasNews {
            try console.warning { try session.noteLastSync(replica, outcome, byBundle: true) }
        }
        if outcome.summary.quarantined > 0 { throw Finish.quarantined }
    }

    private func take(
        _ reply: [UInt8], _ replica: Replica, _ keys: BundleKeys
    ) throws -> SyncOutcome? {
        do { return try replica.apply(reply: reply, keys) } catch let other
            as Replica.OtherWorkspace
        {
            throw CommandError(
                .error, code: "other_workspace",
                "The reply is about the workspace \(other.slug).",
                remedy: "Name its replica with `-w \(other.slug)`.")
        } catch let below as Replica.BelowFloor {
            if below.quarantined > 0 {
                console.warn(
                    "rejected, and kept in quarantine: \(below.quarantined.counted("change set")).")
            }
            let accepted =
                below.accepted > 0
                ? " It has accepted \(below.accepted.counted("change set")) of the outbox: don't make those edits again."
                : ""
            throw CommandError(
                .error, code: "history_differs",
                "The server no longer keeps the history that this replica lacks.\(accepted)",
                remedy:
                    "That takes a line: run `ting sync` when there is one. Until then the outbox is kept, accepted edits too."
            )
        } catch ReplicaError.historyDiffers {
            throw CommandError(
                .error, code: "history_differs", "The server has begun another history.",
                remedy:
                    "That takes a line: run `ting sync` when there is one. Edits are kept meanwhile."
            )
        }
    }
}

struct CarryBundle: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "carry",
        abstract: "Hand a colleague's bundle in at the server, and write the reply.",
        discussion: """
            For whoever is online. You can't read what you carry, nor its reply.

            Example:
              ting bundle carry programme.bundle --reply programme.bundle.reply
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The bundle; `-` for standard input.", completion: .file()) var file: String

    @Option(
        help: ArgumentHelp(
            "Where the reply goes; `-` is standard output. FILE.reply otherwise.",
            valueName: "file"), completion: .file())
    var reply: String?
    @Flag(help: "Write the reply as text, for the body of an e-mail.") var armor = false
    @Option(help: ArgumentHelp("The server, where you joined several.", valueName: "host"))
    var server: String?

    func validate() throws { try BundleCommand.check(global, writesTo: target) }

    private var target: String { reply ?? (file == "-" ? "-" : file + ".reply") }

    func run() async throws {
        let bundle = try BundleCommand.read(file)
        let sealed = try await session.atServer(server) { try await $0.carry(bundle: bundle) }
        let path = target
        try BundleCommand.write(sealed, to: path, armored: armor)
        guard path != "-" else { return }
        console.result(.object([("reply", .text(ClientHome.absolute(path)))]), [path])
    }
}

extension Session {
    /// Asks a server for its key for bundles, where it can be reached; a later try may do.
    func learnBundleKey(_ url: String) async {
        guard let home = try? home(), let connection = try? connection(to: url) else { return }
        if let key = try? await connection.bundleKey() { try? home.pin(bundleKey: key, of: url) }
        await connection.close()
    }
}
