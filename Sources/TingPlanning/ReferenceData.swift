// SPDX-License-Identifier: Apache-2.0

/// A table that belongs to the product: the same in every replica, read-only, outside change sets
/// and digests.
public struct ReferenceTable: Equatable, Sendable {
    public let name: String
    public let columns: [String]
    /// Cells by column; text, so that `0101` keeps its zero. The first column is the key.
    public let rows: [[String]]

    /// Reads lines of tab-separated cells, the first of which names the columns.
    init(_ name: String, _ text: String) {
        // By bytes: going by characters takes longer than all else that a clone does with the tables.
        let lines = text.utf8.split(separator: UInt8(ascii: "\n")).map { line in
            line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
                .map { String(Substring($0)) }
        }
        self.name = name
        columns = lines.first ?? []
        rows = Array(lines.dropFirst())
    }
}

/// Places and focus areas: what `places` and `focus` of the planning schema name by code.
public enum ReferenceData {
    /// The tables `province`, `city`, `danish_division` and `focus_area`, made at the first use.
    public static let tables = [
        ReferenceTable("province", provinceTable),
        ReferenceTable("city", cityTable),
        ReferenceTable("danish_division", danishDivisionTable),
        ReferenceTable("focus_area", focusAreaTable),
    ]
}
