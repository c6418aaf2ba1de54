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

    @Test("no item loses the programme that it names")
    func programmes() throws {
        let plan = try load("joint-work-programme.json")
        let tags = plan.records.flatMap { $0.values["tags"]?.elements ?? [] }
        #expect(tags.count { $0 == "bilateral" } == 53)
        #expect(tags.count { $0 == "sub-national" } == 12)
        #expect(plan.records.count { $0.values["programme"] != nil } == 32)
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
