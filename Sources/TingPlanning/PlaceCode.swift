// SPDX-License-Identifier: Apache-2.0

/// A code of a place: ISO 3166-2 (`CN-HL`, `DK-82`), GB/T 2260 (`230100`) or kommunekode (`0751`).
enum PlaceCode {
    /// Whether the reference tables have the code, or could have what it is part of: of a county in
    /// China they know the province alone.
    static func isKnown(_ code: String) -> Bool {
        if known.contains(code) { return true }
        return code.utf8.count == 6 && code.utf8.allSatisfy { (0x30...0x39).contains($0) }
            && known.contains(code.prefix(2) + "0000")
    }

    private static let columns: Set = ["code_iso", "code_gb", "code", "dk_code"]

    private static let known = Set(
        ReferenceData.tables.flatMap { table in
            table.rows.flatMap { row in
                zip(table.columns, row).filter { columns.contains($0.0) }.map(\.1)
            }
        })
}
