// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingPlanning

@Suite("Files that are not quite right")
struct ImperfectImportTests {
    private static let heading = "id,dk_code,danish_side,cn_province,cn_gb,chinese_side"

    private func partnerships(
        _ rows: String..., heading: String = Self.heading
    ) throws -> ProgrammeImport {
        let text = ([heading] + rows).joined(separator: "\n") + "\n"
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

    @Test(
        "an amount of money says all that stands there",
        arguments: [
            ("5000", "5000"), ("12.50", "12.5"), (#""some 5 M""#, "some 5 M"),
            (#"{"currency": "EUR", "value": 10850000.5}"#, "currency EUR, value 10850000.5"),
            (#"{"value": 0.1, "fixed": true, "what": null}"#, "fixed true, value 0.1"),
            (#"{"value": 9007199254740993}"#, "value 9007199254740993"),
        ])
    func amounts(_ amount: String, _ text: String) throws {
        let plan = try programme(
            #"{"id": "a", "title": "A", "kind": "project", "amount": \#(amount)}"#)
        #expect(plan.records.first?.values["summary"] == .text("Amount: \(text)."))
        #expect(plan.problems.isEmpty)
    }

    @Test("what can't be said of an amount is told")
    func nestedAmount() throws {
        let plan = try programme(
            #"""
            {"id": "a", "title": "A", "kind": "project", "amount": {"value": 5, "of": [1]}},
            {"id": "b", "title": "B", "kind": "project", "note": "N", "amount": [5]}
            """#)
        #expect(
            plan.records.map { $0.values["summary"] } == [.text("Amount: value 5."), .text("N")])
        #expect(
            plan.problems.map { "\($0.line): \($0.problem)" } == [
                "1: `amount.of` is of another type than expected; it is left out",
                "2: `amount` is of another type than expected; it is left out",
            ])
    }

    @Test("a member that no import knows is told, where it comes first")
    func unknownMembers() throws {
        let plan = try programme(
            #"""
            {"id": "a", "title": "A", "kind": "mou", "budget": 5},
            {"id": "b", "title": "B", "kind": "mou", "owner": "Mette", "budget": 7, "Note": "N"}
            """#)
        #expect(plan.records.count == 2)
        #expect(
            plan.problems.map { "\($0.line): \($0.problem)" } == [
                "1: the member `budget` is unknown; it is left out",
                "2: the member `Note` is unknown; it is left out",
                "2: the member `owner` is unknown; it is left out",
            ])
    }

    @Test("a programme for which there is no record, or no field, becomes a tag")
    func otherProgrammes() throws {
        let plan = try programme(
            #"""
            {"id": "p", "title": "P", "kind": "programme", "programme": "p"},
            {"id": "f", "title": "F", "kind": "framework", "programme": "p"},
            {"id": "e", "title": "E", "kind": "event", "programme": "p"},
            {"id": "j", "title": "J", "kind": "project", "programme": "p"},
            {"id": "m", "title": "M", "kind": "mou", "programme": "elsewhere", "tags": ["air"]},
            {"id": "n", "title": "N", "kind": "mou", "programme": " "}
            """#)
        #expect(
            plan.records.map { $0.values["tags"]?.elements ?? [] } == [
                ["programme"], ["framework", "p"], ["event", "p"], ["project"],
                ["air", "elsewhere", "mou"], ["mou"],
            ])
        let reference = Value.text(
            ProgrammeImport.id("demo", "joint-work-programme", "p").description)
        #expect(
            plan.records.map { $0.values["programme"] } == [nil, nil, nil, reference, nil, nil])
        #expect(plan.problems.isEmpty)
    }

    private static let chineseHeading = "id,danish_side,chinese_side,chinese_side_zh"

    @Test("a Chinese name may come in a later row; a second one is told")
    func chineseNames() throws {
        let plan = try partnerships(
            "a,City of Vejle,Wuxi City,", "b,City of Vejle,Wuxi City,无锡市",
            "c,City of Vejle,Wuxi City,无锡", "d,City of Vejle,Wuxi City,",
            heading: Self.chineseHeading)
        let wuxi = ProgrammeImport.id("demo", "organisation", "Wuxi City")
        let named = plan.records.filter { $0.id == wuxi }
        #expect(named.map { $0.values["name_zh"] } == [.text("无锡市")])
        #expect(
            plan.problems.map { "\($0.line): \($0.problem)" } == [
                "4: the Chinese name of `Wuxi City` was `无锡市` before; `无锡` is left out"
            ])
    }

    @Test("an organisation's problem is that of the line that names it first")
    func organisations() throws {
        let plan = try partnerships(
            "a,City of Vejle,Wuxi City,", "b,City\u{0}of Vejle,Wuxi City,无\u{0}锡",
            "c,City\u{0}of Vejle,Wuxi City,", heading: Self.chineseHeading)
        #expect(plan.problems.filter { $0.problem.hasPrefix("name_") }.map(\.line) == [3, 3])
        #expect(plan.problems.allSatisfy { $0.line > 0 })
    }

    @Test("a column that comes twice is told; the first is read")
    func repeatedColumns() throws {
        let plan = try partnerships(
            "a,City of Vejle,first,x,second,y",
            heading: "id,danish_side,note,Status,note,Status")
        let project = try #require(plan.records.first { $0.collection == "project" })
        #expect(project.values["summary"] == .text("first"))
        #expect(
            plan.problems.map { "\($0.line): \($0.problem)" } == [
                "1: the column `Status` is unknown; it is left out",
                "1: the column `note` was there before; it is left out",
            ])
    }

    @Test("a list of items alone is read as well", arguments: ["mine.json", nil])
    func bareList(_ name: String?) throws {
        let plan = try ProgrammeImport(
            Data(#"[{"id": "a", "title": "A", "kind": "mou"}, 7]"#.utf8), name: name,
            workspace: "demo")
        #expect(try plan.records == programme(#"{"id": "a", "title": "A", "kind": "mou"}"#).records)
        #expect(
            plan.problems.map { "\($0.line): \($0.problem)" } == [
                "2: the item is of another type than expected; the item is left out"
            ])
    }

    @Test(
        "a file that is no JSON with items is refused",
        arguments: ["{", "[", "7", "null", #"{"items": 7}"#, #"{"item": []}"#])
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
