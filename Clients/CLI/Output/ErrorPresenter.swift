// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

/// What a command can't do, with the exit code that says which kind of failure it is.
struct CommandError: Error {
    enum Exit: Int32 {
        case error = 1
        case usage = 2
        case unreached = 3
        case refused = 6
    }

    var exit: Exit
    var code: String
    var sentence: String
    var remedy: String
    var status: Int?

    init(_ exit: Exit, code: String, _ sentence: String, remedy: String, status: Int? = nil) {
        self.exit = exit
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
        self.status = status
    }
}

extension CommandError {
    /// What standard output did not take.
    static var incompleteOutput: CommandError? {
        Terminal.outputProblem.map { problem in
            CommandError(
                .error, code: "output_incomplete", problem,
                remedy: "Write it elsewhere. What the command changed stays changed.")
        }
    }
}

/// Turns every error into text or a problem document on standard error, and an exit code.
struct ErrorPresenter {
    var json: Bool

    func present(_ error: any Error) -> Int32 {
        let report = Self.report(error)
        if json {
            let document = JSONValue.object([
                ("type", .text("urn:ting:error:\(report.code)")),
                ("title", .text(report.sentence)),
                ("status", report.status.map { .integer($0) } ?? .null),
                ("detail", .text(report.sentence)), ("code", .text(report.code)),
                ("remedy", .text(report.remedy)),
            ])
            Terminal.write(document.indented + "\n", to: STDERR_FILENO)
        } else {
            let style = Terminal.errorStyle
            var text = "ting: \(style.red("error:")) \(Terminal.printable(report.sentence))"
            text += " (\(report.code))\n"
            if !report.remedy.isEmpty {
                text += "ting: hint: \(Terminal.printable(report.remedy))\n"
            }
            Terminal.write(text, to: STDERR_FILENO)
        }
        return report.exit.rawValue
    }

    /// Help and versions are data and end well; everything else is a mistake in the call.
    func presentParsing(_ error: any Error, of arguments: [String]) -> Int32 {
        if let problem = ArgumentOrder.helpProblem(arguments, of: Ting.self) {
            return present(problem)
        }
        guard Ting.exitCode(for: error) != .success else {
            let text = Ting.fullMessage(for: error)
            Terminal.write(text.hasSuffix("\n") ? text : text + "\n")
            return 0
        }
        if let problem = ArgumentOrder.problem(arguments, commands: Ting.commandNames) {
            return present(problem)
        }
        let message = Ting.message(for: error)
        let command = arguments.first.flatMap { $0.hasPrefix("-") ? nil : "\($0) " } ?? ""
        return present(
            CommandError(
                .usage, code: "usage", message.isEmpty ? "The command is not complete." : message,
                remedy: "See `ting \(command)--help`."))
    }

    /// The one place where errors of all parts become words.
    static func report(_ error: any Error) -> CommandError {
        switch error {
        case let error as CommandError: return error
        case let error as ClientError: return report(error)
        case let error as DatabaseError: return report(error)
        case let error as any ExplainedError:
            let exit: CommandError.Exit = error.code == "usage" ? .usage : .error
            return CommandError(exit, code: error.code, error.sentence, remedy: error.remedy)
        case is StoredFormError, is CBORError, is RowDecodingError:
            return damaged("The file is damaged")
        case let error as ValidationError:
            return CommandError(.usage, code: "usage", error.message, remedy: "See `ting --help`.")
        default:
            return CommandError(
                .error, code: "unexpected", "Something unexpected happened: \(error).",
                remedy: "Run it again; if it stays, report it with the command you ran.")
        }
    }

    private static func report(_ error: ClientError) -> CommandError {
        let exit: CommandError.Exit =
            error.isUnreached ? .unreached : error.isRefusal ? .refused : .error
        return CommandError(
            exit, code: error.code, error.sentence, remedy: error.remedy, status: error.status)
    }

    private static func damaged(_ sentence: String) -> CommandError {
        let error = ReplicaError.damaged("")
        return CommandError(.error, code: error.code, "\(sentence).", remedy: error.remedy)
    }

    private static func report(_ error: DatabaseError) -> CommandError {
        let message = error.message ?? "no reason given"
        switch error.resultCode {
        case .SQLITE_FULL:
            return CommandError(
                .error, code: "storage_full", "The disk is full: nothing of this command was kept.",
                remedy: "Free some space, then run it again.")
        case .SQLITE_IOERR:
            return CommandError(
                .error, code: "not_written", "The file could not be read or written: \(message).",
                remedy: "Look at its disk, and at limits (`ulimit -f`), then run the command again."
            )
        case .SQLITE_BUSY where error.extendedResultCode == .SQLITE_BUSY_SNAPSHOT:
            return CommandError(
                .error, code: "busy",
                "Another program wrote to the replica while it was read; what was shown may be of two times.",
                remedy: "Run the command again.")
        case .SQLITE_LOCKED:
            return CommandError(
                .error, code: "busy", "The statement can't run inside a transaction: \(message).",
                remedy: "Ting runs what it is given in one; use `sqlite3 \"$(ting path)\"` for it.")
        case .SQLITE_BUSY:
            return CommandError(
                .error, code: "busy",
                "\(Session.replicaName) is busy: another `ting` or SQLite tool has been writing to it for \(Limits.replicaBusySeconds) s.",
                remedy:
                    "Let that program finish, or end its open transaction; then run the command again."
            )
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
            return Session.notWritable(
                Session.currentFile, opens: error.resultCode != .SQLITE_CANTOPEN)
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return damaged("The file is no sound SQLite database: \(message)")
        case .SQLITE_CONSTRAINT where error.extendedResultCode == .SQLITE_CONSTRAINT_TRIGGER:
            return CommandError(
                .error, code: "read_only",
                "\(message.prefix(1).uppercased())\(message.dropFirst()).",
                remedy: "Leave it as it is: `ting sql \"SELECT …\"` reads it.")
        case .SQLITE_MISUSE where message.contains("arguments"):
            return CommandError(
                .usage, code: "usage", "The statement has parameters, and nothing to put there.",
                remedy: "Write the values into it, with quotes doubled within quotes.")
        case .SQLITE_MISUSE:
            return CommandError(
                .usage, code: "usage", "That is more than one statement or condition.",
                remedy: "Run several statements with `ting sql`.")
        case .SQLITE_ERROR where message.contains(/(within|inside) a transaction/):
            return CommandError(
                .error, code: "transaction",
                "The statement can't run inside a transaction: \(message).",
                remedy:
                    "Leave out BEGIN and COMMIT: `ting sql` is one transaction by itself; what can't be in one goes through `sqlite3 \"$(ting path)\"`."
            )
        default:
            return CommandError(
                .error, code: "sql", "SQLite: \(message).",
                remedy:
                    "Check the statement and its names: `ting sql \"SELECT name FROM sqlite_schema\"` lists the tables, `ting add --help` the collections."
            )
        }
    }
}
