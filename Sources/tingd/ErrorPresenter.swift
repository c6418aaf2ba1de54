// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingServer
import TingTerminal

/// Turns errors into lines for people and exit codes: 0 done, 1 error, 2 usage.
enum ErrorPresenter {
    /// - Parameter arguments: The call.
    static func present(_ error: any Error, of arguments: [String]) -> Int32 {
        if let problem = error as? ServerError {
            complain(problem.message, hint: problem.hint)
            return 1
        }
        if let code = error as? ExitCode { return code.rawValue }
        let usage = Tingd.exitCode(for: error)
        if usage == .success {
            Output.line(Tingd.fullMessage(for: error))  // --help and --version
            return 0
        }
        if usage == .validationFailure {
            complainOfUsage(Tingd.message(for: error), arguments)
            return 2
        }
        let (message, hint) = ServerProblem.explain(error)
        complain(message, hint: hint)
        return 1
    }

    /// Says what is wrong with a call, and where the command that is meant is explained.
    private static func complainOfUsage(_ message: String, _ arguments: [String]) {
        var place: any ParsableCommand.Type = Tingd.self
        var path = "tingd"
        for name in arguments.prefix(while: { !$0.hasPrefix("-") }) {
            let commands = place.configuration.subcommands
            guard !commands.isEmpty, name != "help" else { break }
            guard let next = commands.first(where: { $0._commandName == name }) else {
                let names = commands.map { $0._commandName }.joined(separator: ", ")
                return complain(
                    "There is no command `\(path) \(name)`.",
                    hint: "Commands: \(names). See `\(path) --help`.")
            }
            place = next
            path += " \(name)"
        }
        complain(
            message.isEmpty ? "The command is not complete." : message,
            hint: "See `\(path) --help`.")
    }

    static func complain(_ message: String, hint: String?) {
        note("tingd: error: \(Terminal.printable(message))")
        if let hint { note("tingd: hint: \(Terminal.printable(hint))") }
    }

    /// Says something beside the data: on standard error.
    static func note(_ line: String) {
        Terminal.write(line + "\n", to: STDERR_FILENO)
    }
}
