// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingServer
import TingTerminal

/// Data on standard output: JSON that other programs read, or aligned columns for people.
enum Output {
    static func line(_ text: String = "") { Terminal.write(text + "\n") }

    /// - Throws: `ServerError` unless standard output took all that was printed, or its reader left.
    static func check() throws {
        guard let problem = Terminal.outputProblem else { return }
        throw ServerError(
            problem, hint: "Print it elsewhere. What the command changed stays changed.")
    }

    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        Terminal.write(try encoder.encode(value) + Data("\n".utf8))
    }

    static func table(headings: [String] = [], _ rows: [[String]]) {
        let table = TextTable(headings: headings, rows: rows)
        for text in table.lines(style: Terminal.style) { line(text) }
    }

    static func time(_ date: Date) -> String { date.formatted(.iso8601) }
}
