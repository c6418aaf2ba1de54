// SPDX-License-Identifier: Apache-2.0

/// Rows under headings, aligned by the width that text has on a terminal.
package struct TextTable {
    /// In capitals; without any, rows alone are shown.
    package var headings: [String]
    package var rows: [[String]] = []
    /// Columns of numbers, set to the right.
    package var rightAligned: Set<Int> = []
    /// The most columns of the terminal that one cell may take; what is longer is cut.
    package var cellWidth: Int?

    package init(headings: [String] = [], rows: [[String]] = []) {
        self.headings = headings
        self.rows = rows
    }

    /// A wider cell stands whole, and out of line: it would cost every row as many blanks.
    private static let widestPadded = 200

    package func lines(style: TextStyle) -> [String] {
        let shown = rows.map { $0.map(oneLine) }
        // A letter may become two: ß.
        let head = headings.map { $0.uppercased() }
        var widths = head.map { DisplayWidth.of($0) }
        for row in shown {
            widths += repeatElement(0, count: max(0, row.count - widths.count))
            for column in row.indices {
                let width = DisplayWidth.of(row[column])
                if width <= Self.widestPadded { widths[column] = max(widths[column], width) }
            }
        }
        let top = headings.isEmpty ? [] : [style.dim(line(head, widths))]
        return top + shown.map { line($0, widths) }
    }

    /// Without blanks at its end.
    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var bytes: [UInt8] = []
        let blank = UInt8(ascii: " ")
        for column in cells.indices {
            let cell = cells[column]
            let gap = repeatElement(blank, count: max(0, widths[column] - DisplayWidth.of(cell)))
            if column > 0 { bytes += [blank, blank] }
            if rightAligned.contains(column) { bytes += gap }
            bytes += cell.utf8
            if !rightAligned.contains(column) { bytes += gap }
        }
        while bytes.last == blank { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
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
