// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingTerminal

/// Prints data to standard output, and all else to standard error.
struct Console {
    let json: Bool
    let quiet: Bool

    var style: TextStyle { Terminal.style }

    /// A line on standard error about long work.
    var progress: ProgressLine { ProgressLine(isWanted: !quiet && !json) }

    /// A line of data.
    func data(_ line: String) { Terminal.write(line + "\n") }

    func data(_ lines: [String]) {
        if !lines.isEmpty { Terminal.write(lines.joined(separator: "\n") + "\n") }
    }

    func data(_ value: JSONValue) { Terminal.write(value.indented + "\n") }

    /// JSON where it is asked for, lines for people otherwise.
    func result(_ value: @autoclosure () -> JSONValue, _ lines: @autoclosure () -> [String]) {
        if json { data(value()) } else { data(lines()) }
    }

    /// JSON where it is asked for, or else a note for people.
    func outcome(_ value: @autoclosure () -> JSONValue, _ line: @autoclosure () -> String) {
        if json { data(value()) } else { note(line()) }
    }

    /// Something to know that is no data.
    func note(_ line: String) {
        if !quiet { Terminal.write(line + "\n", to: STDERR_FILENO) }
    }

    func warn(_ sentence: String) {
        let mark = Terminal.errorStyle.yellow("warning:")
        Terminal.write("ting: \(mark) \(Terminal.printable(sentence))\n", to: STDERR_FILENO)
    }

    func hint(_ sentence: String) {
        guard !quiet else { return }
        Terminal.write("ting: hint: \(Terminal.printable(sentence))\n", to: STDERR_FILENO)
    }

    /// Asks on a terminal; elsewhere the answer has to be given by `--yes`.
    func confirm(_ question: String, yes: Bool) throws {
        if yes { return }
        guard Terminal.inputIsTerminal, Terminal.errorIsTerminal else {
            throw CommandError(
                .usage, code: "not_confirmed", "\(question) Nobody is here to say yes.",
                remedy: "Run it again with `--yes`.")
        }
        Terminal.write("\(question) [y/N] ", to: STDERR_FILENO)
        let answer = readLine()?.lowercased() ?? ""
        guard ["y", "yes", "j", "ja", "是"].contains(answer) else {
            throw CommandError(.error, code: "not_confirmed", "Nothing was changed.", remedy: "")
        }
    }
}
