// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingPlanning

@Suite("Reference data and check digits")
struct ReferenceDataTests {
    private func table(_ name: String) throws -> ReferenceTable {
        try #require(ReferenceData.tables.first { $0.name == name })
    }

    @Test(
        "every table is whole, and its first column is a key",
        arguments: [("province", 34), ("city", 333), ("danish_division", 103), ("focus_area", 7)])
    func whole(name: String, count: Int) throws {
        let table = try table(name)
        #expect(table.rows.count == count)
        #expect(table.rows.allSatisfy { $0.count == table.columns.count })
        #expect(Set(table.rows.compactMap(\.first)).count == count)
    }

    @Test("a code keeps its leading zero, and a name its letters")
    func text() throws {
        let rows = try table("danish_division").rows
        #expect(rows.contains { $0[0] == "0101" && $0.contains("København") })
        let focus = try table("focus_area").rows
        let quoted = "Strengthening political dialogue, including frequent high-level visits"
        #expect(focus.contains { $0.contains(quoted) })
    }

    @Test(
        "the embedded tables are those of the data folder",
        arguments: [
            ("province", "cn-divisions"), ("city", "cn-cities"),
            ("danish_division", "dk-divisions"), ("focus_area", "focus-areas"),
        ])
    func embedded(name: String, file: String) throws {
        let path = ProgrammeImportTests.root.appending(path: "Clients/Examples/data/\(file).csv")
        let text = try String(contentsOf: path, encoding: .utf8).replacing("\"", with: "")
        let lines = text.split(separator: "\n").map(String.init)
        let table = try table(name)
        #expect(([table.columns] + table.rows).map { $0.joined(separator: ",") } == lines)
    }

    @Test("the embedded schema is the file")
    func schema() throws {
        let path = ProgrammeImportTests.root.appending(path: "Protocol/schema/planning.json")
        let file = try JSONDecoder().decode(
            type(of: PlanningSchema.schema), from: Data(contentsOf: path))
        #expect(file == PlanningSchema.schema)
    }
}
