// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingPlanning

@Suite("Files that are not quite right")
struct ImperfectImportTests {
    private static let heading = "id,dk_code,danish_side,cn_province,cn_gb,chinese_side"

    private func partnerships(_ rows: String...) throws -> ProgrammeImport {
        let text = ([Self.heading] + rows).joined(separator: "\n") + "\n"
        return try ProgrammeImport(Data(text.utf8), name: "mine.csv", workspace: "demo")
    }

    private func programme(_ items: String) throws -> ProgrammeImport {
        try ProgrammeImport(
            Data(#"{"items": [\#(items)]}"#.utf8), name: "mine.json", workspace: "demo")
    }

    @Test("problems name the line on which the row begins")
    func lines() throws {
        let plan = try partnerships(
            "a,0751,\"City\nof X\",CN-HL,230199,Harbin", "b,9999,City of Y,CN-XX,000000,Harbin",
            ",0751,City of Z,CN-HL,230100,Harbin", "short,0751", "a,0751,Again,CN-HL,230100,Harbin")
        #expect(plan.problems.map(\.line) == [4, 4, 4, 5, 6, 7])
        #expect(plan.records.count { $0.collection == "project" } == 2)
    }

    @Test("a name is one line, however the cell was broken")
    func names() throws {
        let plan = try partnerships("a,0751,\"City\n of  X\",CN-HL,230100,Harbin")
        #expect(plan.records.contains { $0.values["name_en"] == .text("City of X") })
        #expect(plan.records.contains { $0.values["title_en"] == .text("City of X – Harbin") })
    }

    @Test(
        "an item that can't be read is left out and told, and the others are made",
        arguments: [
            (#"{"id": "b", "title": "B"}"#, "the item has no `kind`; the item is left out"),
            (
                #"{"id": 7, "title": "B", "kind": "mou"}"#,
                "`id` is of another type than expected; the item is left out"
            ),
            ("7", "the item is of another type than expected; the item is left out"),
            ("null", "the item is of another type than expected; the item is left out"),
        ])
    func unreadable(_ item: String, _ problem: String) throws {
        let plan = try programme(#"{"id": "a", "title": "A", "kind": "mou"}, \#(item)"#)
        #expect(plan.records.map(\.collection) == ["agreement"])
        #expect(plan.problems.map { "\($0.line): \($0.problem)" } == ["2: " + problem])
    }

    @Test("a member of another type is left out and told, and the rest of the item is made")
    func otherTypes() throws {
        let plan = try programme(
            #"""
            {"id": "a", "title": "A", "kind": "project", "danish": "x", "start": 2014, "note": "N",
             "amount": 5000, "chinese": ["", " "]}
            """#)
        #expect(plan.records.map(\.collection) == ["project"])
        #expect(plan.records.first?.values["summary"] == .text("N\nAmount: 5000."))
        #expect(
            plan.problems.map(\.problem) == [
                "`danish` is of another type than expected; it is left out",
                "`start` is of another type than expected; it is left out",
            ])
    }

    @Test("a file that is no JSON with items is refused", arguments: ["{", "[]", #"{"items": 7}"#])
    func refused(_ text: String) {
        #expect(throws: ProgrammeImport.Unreadable.self) {
            try ProgrammeImport(Data(text.utf8), name: "a.json", workspace: "w")
        }
    }

    @Test("a cell of spaces is empty")
    func spaces() throws {
        let plan = try partnerships("a,0751,City of X,  ,  ,  ")
        #expect(plan.records.count { $0.collection == "organisation" } == 1)
        let project = try #require(plan.records.first { $0.collection == "project" })
        #expect(project.values["partners"] == .set(of: ["City of X"]))
        #expect(project.values["lead_cn"] == nil)
    }

    @Test("an item needs an id, a title and a kind; an id that comes twice is told")
    func lenient() throws {
        let plan = try programme(
            #"{"id": "a", "title": "A", "kind": "mou"}, {"id": "a", "title": "B", "kind": "x"}"#)
        #expect(plan.records.map(\.collection) == ["agreement"])
        #expect(plan.records.first?.values["title"] == .text("A"))
        #expect(plan.problems.map(\.line) == [2])
    }
}
