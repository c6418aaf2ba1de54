// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore

/// What every command takes.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: [.customShort("w", allowingJoined: true), .long],
        help: ArgumentHelp("The workspace, or HOST/SLUG.", valueName: "slug"),
        completion: .shellCommand("ting workspaces --local --quiet"))
    var workspace: String?

    @Option(help: ArgumentHelp("The replica's file.", valueName: "file"), completion: .file())
    var replica: String?

    @Flag(help: "Print JSON; errors too, on standard error.")
    var json = false

    @Flag(name: [.customShort("q"), .long], help: "Print nothing but data, warnings and errors.")
    var quiet = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How long a server may take to answer.", valueName: "seconds"))
    var timeout = 20

    func validate() throws {
        guard CommonOptions.timeouts.contains(timeout) else {
            throw ValidationError("--timeout takes seconds, 1 to 86400.")
        }
    }

    var values: CommonOptions {
        CommonOptions(
            workspace: workspace, replica: replica, json: json, quiet: quiet, timeout: timeout)
    }
}

/// The values of what every command takes.
struct CommonOptions: Equatable {
    var workspace: String?
    var replica: String?
    var json = false
    var quiet = false
    /// Seconds.
    var timeout = 20

    static let timeouts = 1...86_400
}

/// What an edit says of itself.
struct MessageOption: ParsableArguments {
    @Option(
        name: [.customShort("m"), .long], parsing: .unconditional,
        help: ArgumentHelp("What to say of it in the history.", valueName: "text"))
    var message: String?

    /// Empty where none is given.
    var text: String { message ?? "" }

    func validate() throws { try Self.check(text) }

    /// Whether the history has room for it: sealing would cut it.
    static func fits(_ message: String) -> Bool {
        message.normalized.utf8.count <= Limits.messageByteLimit
    }

    /// Refuses what would be cut.
    static func check(_ message: String) throws {
        guard fits(message) else {
            throw ValidationError("--message takes at most \(Limits.messageByteLimit) bytes.")
        }
    }
}

/// A name that others read.
enum NameOption {
    /// Refuses what a server would: it is one line, and not empty.
    static func check(_ name: String, of option: String) throws {
        guard (1...Limits.nameByteLimit).contains(name.utf8.count),
            name.contains(where: { !$0.isWhitespace }),
            name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else {
            throw ValidationError("\(option) is one line of 1-\(Limits.nameByteLimit) bytes.")
        }
    }
}

/// A command of `ting`.
protocol TingCommand: ParsableCommand {
    var global: GlobalOptions { get }
}

extension TingCommand {
    var console: Console { Console(json: global.json, quiet: global.quiet) }
    var session: Session { Session(options: global.values) }

    /// Refuses a negative number of what is shown at most.
    func check(limit: Int?) throws {
        guard limit ?? 0 >= 0 else { throw ValidationError("--limit takes a number from 0 on.") }
    }
}
