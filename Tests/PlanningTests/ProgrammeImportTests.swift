// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingPlanning

@Suite("Importing the real programme")
struct ProgrammeImportTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private func load(_ name: String) throws -> ProgrammeImport {
        let data = try Data(
            contentsOf: Self.root.appending(path: "Clients/Examples/data/\(name)"))
        return try ProgrammeImport(data, name: name, workspace: "demo")
    }

    private func counts(_ plan: ProgrammeImport) -> [String: Int] {
        Dictionary(plan.records.map { ($0.collection, 1) }, uniquingKeysWith: +)
    }

    @Test("every item of the programme becomes one record of its kind")
    func programme() throws {
        let plan = try load("joint-work-programme.json")
        let counts = counts(plan)
        #expect(counts["programme"] == 3)
        #expect(counts["agreement"] == 32)
        #expect(counts["visit"] == 11)
        #expect(counts["project"] == 79)
        #expect(plan.problems.isEmpty)
    }

    @Test("every partnership becomes a project with its two organisations")
    func partnerships() throws {
        let plan = try load("partnerships.csv")
        #expect(counts(plan)["project"] == 20)
        #expect(plan.problems.isEmpty)
        let harbin = try #require(
            plan.records.first { $0.values["code"] == .text("aarhus-harbin") })
        #expect(harbin.values["places"] == .set(["0751", "230100", "CN-HL"]))
    }

    @Test("several bodies on one side are several organisations; the first one leads")
    func severalBodies() throws {
        let plan = try load("partnerships.csv")
        let huangpu = try #require(
            plan.records.first { $0.values["code"] == .text("midtjylland-huangpu") })
        let university = ProgrammeImport.id("demo", "organisation", "VIA University College")
        let region = ProgrammeImport.id("demo", "organisation", "Central Denmark Region")
        #expect(plan.records.contains { $0.id == university })
        #expect(huangpu.values["lead_dk"] == .text(region.description))
        #expect(huangpu.values["partners"]?.elements.contains("VIA University College") == true)
        #expect(counts(plan)["organisation"] == 35)
        #expect(try counts(load("joint-work-programme.json"))["organisation"] == 128)
    }

    @Test("ids follow from workspace, source and key, and no record has another's")
    func ids() throws {
        let plan = try load("joint-work-programme.json")
        #expect(Set(plan.records.map(\.id)).count == plan.records.count)
        #expect(try load("joint-work-programme.json") == plan)
        #expect(
            plan.records.contains {
                $0.id == ProgrammeImport.id("demo", "joint-work-programme", "gjwp-2023")
            })
    }

    @Test("references name records of the same file")
    func references() throws {
        let plan = try load("joint-work-programme.json")
        let ids = Set(plan.records.map(\.id.description))
        for record in plan.records {
            for name in ["programme", "lead_dk", "lead_cn"] {
                if let target = record.values[name]?.text { #expect(ids.contains(target)) }
            }
        }
    }

    @Test("the schema that is built in is the one in Protocol/schema")
    func embedded() throws {
        let data = try Data(contentsOf: Self.root.appending(path: "Protocol/schema/planning.json"))
        #expect(try JSONDecoder().decode(Schema.self, from: data) == PlanningSchema.schema)
    }

    @Test("every field's policy fits its type", arguments: PlanningSchema.schema.written)
    func policies(_ collection: CollectionSchema) {
        for field in collection.fields {
            #expect((field.kind == .set) == (field.policy == .set))
            #expect((field.kind == .counter) == (field.policy == .counter))
            #expect(field.policy != .text || field.kind == .text)
            for target in field.to {
                #expect(PlanningSchema.schema.collection(target) != nil)
            }
        }
    }
}

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
