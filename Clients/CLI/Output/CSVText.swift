// SPDX-License-Identifier: Apache-2.0

/// Comma-separated values (RFC 4180): a header, CRLF, quotes doubled.
enum CSVText {
    static func line(_ cells: [String]) -> String {
        // An empty line is no row to many readers.
        (cells == [""] ? "\"\"" : cells.map(cell).joined(separator: ",")) + "\r\n"
    }

    private static func cell(_ text: String) -> String {
        // By scalars: CR LF is one character in Swift.
        let special = text.unicodeScalars.contains { [",", "\"", "\r", "\n"].contains($0) }
        return special ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}
