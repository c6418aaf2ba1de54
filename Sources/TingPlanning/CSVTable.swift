// SPDX-License-Identifier: Apache-2.0

/// Comma-separated values (RFC 4180), each row with the line of the file on which it begins.
///
/// Semicolons (a spreadsheet's, where the decimal mark is a comma) or tabs separate them where the first
/// line has more of these than of commas.
/// Line ends are LF, CR LF or CR; those within quotes belong to the value, and count as lines.
/// Empty lines are no rows. A byte order mark is skipped.
struct CSVTable {
    struct Row: Equatable {
        /// The first line of the file is 1.
        var line: Int
        var cells: [String]
    }

    struct Malformed: Error, Equatable {
        var line: Int
        var problem: String
    }

    private(set) var rows: [Row] = []

    init(_ text: String) throws(Malformed) {
        var reader = Reader(text)
        while let row = try reader.row() {
            if row.cells != [""] { rows.append(row) }
        }
    }

    private struct Reader {
        private let scalars: [Unicode.Scalar]
        private let separator: Unicode.Scalar
        private var at = 0
        private var line = 1

        init(_ text: String) {
            scalars = Array(text.unicodeScalars)
            separator = Self.separator(of: scalars)
            if scalars.first == "\u{feff}" { at = 1 }
        }

        /// The one that the first line that is not empty has most of, outside quotes.
        private static func separator(of scalars: [Unicode.Scalar]) -> Unicode.Scalar {
            var counts: [Unicode.Scalar: Int] = [",": 0, ";": 0, "\t": 0]
            var isQuoted = false
            for scalar in scalars.drop(while: { "\u{feff}\r\n".unicodeScalars.contains($0) }) {
                if scalar == "\"" { isQuoted.toggle() }
                guard !isQuoted else { continue }
                if scalar == "\n" || scalar == "\r" { break }
                counts[scalar]? += 1
            }
            let others: [Unicode.Scalar] = [";", "\t"]
            return others.reduce(",") { counts[$1, default: 0] > counts[$0, default: 0] ? $1 : $0 }
        }

        private var next: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

        mutating func row() throws(Malformed) -> Row? {
            guard next != nil else { return nil }
            var row = Row(line: line, cells: [])
            while true {
                row.cells.append(next == "\"" ? try quoted() : bare())
                switch next {
                case separator: at += 1
                case nil: return row
                default:
                    lineEnd()
                    return row
                }
            }
        }

        private mutating func bare() -> String {
            var cell = String.UnicodeScalarView()
            while let scalar = next, ![separator, "\n", "\r"].contains(scalar) {
                cell.append(scalar)
                at += 1
            }
            return String(cell)
        }

        private mutating func quoted() throws(Malformed) -> String {
            let start = line
            var cell = String.UnicodeScalarView()
            at += 1
            while let scalar = next {
                switch scalar {
                case "\"":
                    at += 1
                    guard next == "\"" else { return try ended(String(cell)) }
                    cell.append("\"")
                    at += 1
                case "\n", "\r":
                    lineEnd()
                    cell.append("\n")
                default:
                    cell.append(scalar)
                    at += 1
                }
            }
            throw Malformed(line: start, problem: "the quotes that open here never close")
        }

        private func ended(_ cell: String) throws(Malformed) -> String {
            guard next == nil || [separator, "\n", "\r"].contains(next) else {
                throw Malformed(line: line, problem: "text stands behind closing quotes")
            }
            return cell
        }

        private mutating func lineEnd() {
            let isReturn = next == "\r"
            at += 1
            if isReturn, next == "\n" { at += 1 }
            line += 1
        }
    }
}
