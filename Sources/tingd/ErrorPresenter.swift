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
            // The parser takes `tingd help nosuch` for `tingd help`.
            if arguments.first == "help", Named(arguments.dropFirst()).complainOfUnknown() {
                return 2
            }
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
        let named = Named(arguments)
        if named.complainOfUnknown() { return }
        complain(
            message.isEmpty ? "The command is not complete." : message,
            hint: "See `\(named.path) --help`.")
    }

    /// The command that the words of a call name, as far as there is one.
    private struct Named {
        private(set) var path = "tingd"
        /// The first word that names none, and those that would.
        private var unknown: (name: String, commands: [String])?

        init(_ arguments: some Sequence<String>) {
            var place: any ParsableCommand.Type = Tingd.self
            for name in arguments.prefix(while: { !$0.hasPrefix("-") }) {
                let commands = place.configuration.subcommands
                guard !commands.isEmpty, name != "help" else { return }
                guard let next = commands.first(where: { $0._commandName == name }) else {
                    unknown = (name, commands.map { $0._commandName })
                    return
                }
                place = next
                path += " \(name)"
            }
        }

        func complainOfUnknown() -> Bool {
            guard let unknown else { return false }
            complain(
                "There is no command `\(path) \(unknown.name)`.",
                hint: "Commands: \(unknown.commands.joined(separator: ", ")). See `\(path) --help`."
            )
            return true
        }
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
