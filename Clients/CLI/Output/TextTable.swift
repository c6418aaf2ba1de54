// SPDX-License-Identifier: Apache-2.0

/// Rows under headings, aligned by the width that text has on a terminal.
struct TextTable {
    var headings: [String]
    var rows: [[String]] = []
    /// Columns of numbers, set to the right.
    var rightAligned: Set<Int> = []
    /// The most columns of the terminal that one cell may take; what is longer is cut.
    var cellWidth: Int?

    func lines(style: TextStyle) -> [String] {
        let shown = rows.map { $0.map(oneLine) }
        var widths = headings.map { DisplayWidth.of($0) }
        for row in shown {
            for column in row.indices {
                widths[column] = max(widths[column], DisplayWidth.of(row[column]))
            }
        }
        let head = line(headings.map { $0.uppercased() }, widths)
        return [style.dim(head)] + shown.map { line($0, widths) }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for column in cells.indices {
            let cell = cells[column]
            let gap = String(repeating: " ", count: widths[column] - DisplayWidth.of(cell))
            if column > 0 { text += "  " }
            text += rightAligned.contains(column) ? gap + cell : cell + gap
        }
        let bytes = text.utf8
        var end = bytes.endIndex
        while end > bytes.startIndex, bytes[bytes.index(before: end)] == UInt8(ascii: " ") {
            end = bytes.index(before: end)
        }
        return String(text[..<end])
    }

    /// The first line of a cell, cut to its width; control characters are never printed.
    private func oneLine(_ cell: String) -> String {
        if let width = DisplayWidth.plainWidth(of: cell), width < cellWidth ?? .max { return cell }
        var text = ""
        var width = 0
        for character in cell {
            if character.isNewline { return text + "…" }
            guard let shown = Terminal.printable(character) else { continue }
            width += DisplayWidth.of(shown)
            if let cellWidth, width > cellWidth - 1 { return text + "…" }
            text.append(shown)
        }
        return text
    }
}
