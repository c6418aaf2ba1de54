// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingPlanning
import TingTesting

/// One record of the standard workspaces.
struct PlanningRecord {
    var collection: String
    var id: RecordID
    var values: [String: Value]

    /// The row as its table holds it: the id, then each field, defaults included.
    func columns(of schema: CollectionSchema) -> [BenchValue] {
        [.text(id.description)]
            + schema.fields.map { field in
                switch values[field.name] ?? field.standard {
                case .null: .null
                case .integer(let integer): .integer(integer)
                case .text(let text): .text(text)
                case .set(let elements): .text(Self.json(elements))
                }
            }
    }

    private static func json(_ elements: [String]) -> String {
        "[" + elements.map { "\"\($0)\"" }.joined(separator: ",") + "]"
    }
}

/// The standard workspaces: endless records of the planning schema, the same for the same seed.
///
/// Of twenty records one is a project, one an organisation, one a contact, two are milestones and
/// fifteen are tasks of projects made before. Titles go round Danish, English and Chinese.
struct PlanningRecords {
    private var generator: SeededGenerator
    private var count = 0
    private var projects: [RecordID] = []
    private(set) var tasks: [RecordID] = []
    private let start: Int64 = 1_767_225_600_000

    init(seed: UInt64) { generator = SeededGenerator(state: seed) }

    static let schema = PlanningSchema.schema

    static func collection(_ name: String) throws -> CollectionSchema {
        guard let found = schema.collection(name) else {
            throw BenchError("the schema has no \(name)")
        }
        return found
    }

    /// The next records, in an order in which each refers to earlier ones alone.
    mutating func next(_ count: Int) -> [PlanningRecord] { (0..<count).map { _ in next() } }

    mutating func next() -> PlanningRecord {
        defer { count += 1 }
        switch count % 20 {
        case 0: return project()
        case 1: return organisation()
        case 2: return contact()
        case 3, 4: return milestone()
        default: return task()
        }
    }

    /// A task of an earlier project; most records are such.
    mutating func task() -> PlanningRecord {
        let language = language()
        var values: [String: Value] = [
            "title": .text(Phrases.title(language, &generator)),
            "body": .text(
                Phrases.sentences(language, .random(in: 1...3, using: &generator), &generator)),
            "status": .text(Phrases.pick(["doing", "blocked", "done"], &generator)),
            "due": .text(date()),
            "priority": .text(Phrases.pick(["low", "normal", "high"], &generator)),
            "estimate_h": .integer(.random(in: 1...80, using: &generator)),
            "spent_h": .integer(.random(in: 1...80, using: &generator)),
            "tags": .set(of: [
                Phrases.pick(["energi", "vand", "sundhed", "养老", "wind"], &generator)
            ]),
        ]
        if let project = projects.isEmpty ? nil : Phrases.pick(projects, &generator) {
            values["project"] = .text(project.description)
        }
        let record = make("task", values)
        tasks.append(record.id)
        return record
    }

    private mutating func project() -> PlanningRecord {
        let record = make(
            "project",
            [
                "code": .text("P-\(count)"),
                "title_en": .text(Phrases.title(.english, &generator)),
                "title_da": .text(Phrases.title(.danish, &generator)),
                "title_zh": .text(Phrases.title(.chinese, &generator)),
                "summary": .text(Phrases.sentences(language(), 4, &generator)),
                "status": .text(Phrases.pick(["preparing", "agreed", "active"], &generator)),
                "start": .text(date()),
                "progress": .integer(.random(in: 1...99, using: &generator)),
                "tags": .set(of: ["energi", "jwp"]),
            ])
        projects.append(record.id)
        return record
    }

    private mutating func organisation() -> PlanningRecord {
        make(
            "organisation",
            [
                "name_en": .text(Phrases.title(.english, &generator)),
                "name_zh": .text(Phrases.title(.chinese, &generator)),
                "country": .text("CN"), "kind": .text("municipality"),
            ])
    }

    private mutating func contact() -> PlanningRecord {
        make(
            "contact",
            [
                "family": .text(Phrases.pick(["Sørensen", "Nygård", "Li", "Wang"], &generator)),
                "given": .text(Phrases.pick(["Åse", "Bjørn", "Mei", "Jun"], &generator)),
                "role": .text(Phrases.pick(["rådgiver", "head of section", "主任"], &generator)),
            ])
    }

    private mutating func milestone() -> PlanningRecord {
        var values: [String: Value] = [
            "title": .text(Phrases.title(language(), &generator)), "planned": .text(date()),
        ]
        if let project = projects.last { values["project"] = .text(project.description) }
        return make("milestone", values)
    }

    private mutating func make(_ collection: String, _ values: [String: Value]) -> PlanningRecord {
        PlanningRecord(
            collection: collection,
            id: .timeOrdered(milliseconds: start + Int64(count), using: &generator),
            values: values)
    }

    private func language() -> Phrases.Language {
        Phrases.Language.allCases[count % Phrases.Language.allCases.count]
    }

    private mutating func date() -> String {
        let month = Int.random(in: 1...12, using: &generator)
        let day = Int.random(in: 1...28, using: &generator)
        let year = Int.random(in: 2026...2030, using: &generator)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(two(month))-\(two(day))"
    }
}
