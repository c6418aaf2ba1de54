// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore
import TingPlanning

/// The planning schema against the domain: what each record holds, and how two edits of it merge.
@Suite("The planning schema")
struct SchemaTests {
    private static let schema = PlanningSchema.schema

    /// A collection a line, with its fields by policy; `tags` and `sensitivity` are everywhere.
    /// Immutable and write-once fields are `review`; rules on top come later.
    static let table = """
        programme | latest: title_en title_da title_zh status confidence | review: code start end | text: notes | set: source_url
        project | latest: title_en title_da title_zh status programme owner progress confidence | review: code lead_dk lead_cn start end | text: summary | max: risk_review | set: focus partners places dac sdg source_url
        task | latest: title status due priority estimate_h | review: project | text: body | set: assignees depends_on | counter: spent_h | min: done_at
        milestone | latest: title kind planned status | review: project baseline actual | set: evidence
        organisation | latest: name_en name_da name_zh short kind division parent website | review: country cvr uscc successor valid_from valid_to
        contact | latest: family given name_zh name_order org role | review: consent_note | set: emails phones languages | min: retain_until
        agreement | latest: title programme status confidence | review: kind signed in_force expires text_sha256 journal_no | text: notes | set: parties languages focus places source_url
        visit | latest: title start end zone status confidence | review: direction | text: brief | set: places heads delegation focus source_url
        session | latest: time place title | review: visit | set: participants
        meeting | latest: title project programme at status | text: agenda minutes | set: attendees
        decision | review: meeting decided | text: text
        indicator | latest: name | review: project unit baseline target
        reading | review: indicator date value read_by | text: note
        budget_line | latest: source | review: project kind amount currency period | text: note
        document | latest: title subject | review: record lang sha256 size direction received_at sent_at journal_no | set: links
        risk | latest: owner status | review: project | text: text | max: likelihood impact
        comment | review: record body
        """

    static let collections: [(name: String, fields: [String: String])] =
        table.split(separator: "\n").map { line in
            let parts = line.split(separator: "|").map { $0.split(separator: " ").map(String.init) }
            var fields = ["tags": "set", "sensitivity": "max"]
            for part in parts.dropFirst() {
                for name in part.dropFirst() { fields[name] = String(part[0].dropLast()) }
            }
            return (parts[0][0], fields)
        }

    @Test("has these collections, and no others")
    func names() {
        #expect(Self.schema.written.map(\.name) == Self.collections.map(\.name))
    }

    @Test("merges each field as the domain asks", arguments: collections)
    func policies(name: String, fields: [String: String]) throws {
        let collection = try #require(Self.schema.collection(name))
        let found = collection.fields.map { ($0.name, $0.policy.rawValue) }
        #expect(Dictionary(uniqueKeysWithValues: found) == fields)
    }

    @Test(
        "says which records are children",
        arguments: [
            ("task", ["project"]), ("milestone", ["project"]), ("indicator", ["project"]),
            ("budget_line", ["project"]), ("risk", ["project"]), ("session", ["visit"]),
            ("decision", ["meeting"]), ("reading", ["indicator"]), ("comment", []),
            ("document", []),
        ])
    func children(name: String, parents: [String]) throws {
        let parent = try #require(Self.schema.collection(name)?.parent)
        // No collection named: a record of any.
        #expect(parent.to == parents)
        let childless = ["programme", "project", "organisation", "contact", "agreement", "visit"]
        #expect(childless.allSatisfy { Self.schema.collection($0)?.parent == nil })
    }

    @Test("has no columns for what the history knows", arguments: schema.written)
    func history(_ collection: CollectionSchema) {
        let names = Set(collection.fields.map(\.name))
        #expect(names.isDisjoint(with: ["workspace", "archived", "created", "created_by", "id"]))
    }

    @Test("holds progress as a whole number from 0 to 100, and amounts without fractions")
    func numbers() throws {
        let progress = try #require(Self.schema.collection("project")?.field("progress"))
        #expect(progress.kind == .integer && progress.least == 0 && progress.greatest == 100)
        #expect(Self.schema.collection("budget_line")?.field("amount")?.kind == .money)
        #expect(Self.schema.collection("project")?.field("code")?.unique == true)
    }
}
