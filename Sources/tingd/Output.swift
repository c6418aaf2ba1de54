// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TingServer

/// Data on standard output: JSON that other programs read, or aligned columns for people.
enum Output {
    private static let failure = Atomic<Int32>(0)

    /// Prints a line. What standard output doesn't take is remembered: the program ends with an error.
    static func line(_ text: String = "") { write(Data((text + "\n").utf8)) }

    static func write(_ data: Data) {
        var rest = data[...]
        while !rest.isEmpty, failure.load(ordering: .relaxed) == 0 {
            let count = rest.withUnsafeBytes { Foundation.write(1, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else {
                failure.store(errno, ordering: .relaxed)
            }
        }
    }

    /// - Throws: `ServerError` unless standard output took all that was printed, or its reader left.
    static func check() throws {
        let code = failure.load(ordering: .relaxed)
        guard code != 0, code != EPIPE else { return }
        throw ServerError(
            "Standard output did not take all of it: \(String(cString: strerror(code))).",
            hint: "Print it elsewhere. What the command changed stays changed.")
    }

    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        write(try encoder.encode(value) + Data("\n".utf8))
    }

    /// Columns as wide as their widest cell.
    static func table(_ rows: [[String]]) {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { column < $0.count ? width($0[column]) : 0 }.max() ?? 0
        }
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[column] - width(cell))
            }
            line(cells.joined(separator: "  "))
        }
    }

    static func time(_ date: Date) -> String { date.formatted(.iso8601) }

    /// Columns on a terminal: Chinese characters take two.
    private static func width(_ text: String) -> Int {
        text.reduce(0) { sum, character in
            let scalar = character.unicodeScalars.first?.value ?? 0
            let isWide =
                (0x1100...0x115f).contains(scalar) || (0x2e80...0xa4cf).contains(scalar)
                || (0xac00...0xd7a3).contains(scalar) || (0xf900...0xfaff).contains(scalar)
                || (0xfe30...0xfe6f).contains(scalar) || (0xff00...0xff60).contains(scalar)
                || (0x20000...0x3fffd).contains(scalar)
            return sum + (isWide ? 2 : 1)
        }
    }
}
