// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingPlanning
import TingStore
import TingTesting

@Suite("A schema follows another")
struct SchemaGrowthTests {
    private static let text = Field("title", .text, .latest)
    private static let level = Field(
        "level", .enum, .max, standard: .text("low"), values: ["low", "high"])
    private static let share = Field("share", .integer, .latest, least: 0, greatest: 100)
    private static let lead = Field("lead", .reference, .latest, to: ["person"])
    private static let fields = [text, level, share, lead]

    private static func schema(_ fields: [Field], version: Int = 2) -> Schema {
        Schema(
            name: "s", version: version,
            collections: [
                CollectionSchema("project", fields: fields), CollectionSchema("person", fields: []),
            ])
    }

    /// A field in the place of the one of its name.
    private static func with(_ field: Field) -> [Field] {
        fields.map { $0.name == field.name ? field : $0 }
    }

    struct Change: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var after: Schema

        init(_ what: String, _ after: Schema) { (testDescription, self.after) = (what, after) }
    }

    private static let legal = [
        Change("nothing", schema(fields)),
        Change("a field with a default", schema(fields + [Field("n", .counter, .counter)])),
        Change("a field in front", schema([Field("n", .text, .text)] + fields)),
        Change(
            "a parent where there was none",
            schema(
                fields + [Field("of", .reference, .review, to: ["person"], parent: true)])),
        Change(
            "a value between two",
            schema(
                with(
                    Field(
                        "level", .enum, .max, standard: .text("low"),
                        values: ["low", "mid", "high"])))),
        Change("wider bounds", schema(with(Field("share", .integer, .latest, least: -1)))),
        Change(
            "one more collection named",
            schema(
                with(Field("lead", .reference, .latest, to: ["project", "person"])))),
        Change("any collection named", schema(with(Field("lead", .reference, .latest)))),
        Change("a label", schema(with(Field("title", .text, .latest, label: ["da": "Titel"])))),
    ]

    private static let illegal = [
        Change("an older version", schema(fields, version: 0)),
        Change("another name", Schema(name: "t", version: 2, collections: schema(fields).written)),
        Change("a field gone", schema(Array(fields.dropFirst()))),
        Change(
            "a collection gone",
            Schema(
                name: "s", version: 2, collections: [CollectionSchema("project", fields: fields)])),
        Change("another type", schema(with(Field("title", .date, .latest)))),
        Change("another policy", schema(with(Field("title", .text, .text)))),
        Change(
            "another default", schema(with(Field("title", .text, .latest, standard: .text("x"))))),
        Change("unique", schema(with(Field("title", .text, .latest, unique: true)))),
        Change(
            "a field becomes the parent",
            schema(
                with(Field("lead", .reference, .latest, to: ["person"], parent: true)))),
        Change(
            "a value gone",
            schema(
                with(Field("level", .enum, .max, standard: .text("low"), values: ["low"])))),
        Change(
            "another order of values",
            schema(
                with(Field("level", .enum, .max, standard: .text("low"), values: ["high", "low"])))),
        Change(
            "narrower bounds",
            schema(
                with(Field("share", .integer, .latest, least: 1, greatest: 100)))),
        Change(
            "another collection named",
            schema(
                with(Field("lead", .reference, .latest, to: ["project"])))),
        Change("two fields of a name", schema(fields + [text])),
        Change("a field called id", schema(fields + [Field("id", .text, .latest)])),
        Change("a name that SQL would read", schema(fields + [Field("a\" --", .text, .latest)])),
        Change(
            "a table of Ting's own",
            Schema(
                name: "s", version: 2,
                collections: schema(fields).written + [CollectionSchema("ting_outbox", fields: [])])
        ),
    ]

    @Test("when it only grew", arguments: legal)
    func grows(_ change: Change) {
        #expect(change.after.problems(following: Self.schema(Self.fields, version: 1)) == [])
    }

    @Test("and not when it changed what was", arguments: illegal)
    func changes(_ change: Change) {
        #expect(change.after.problems(following: Self.schema(Self.fields, version: 1)) != [])
    }

    @Test("as the samples do, and come back from their JSON as they were")
    func samples() throws {
        for version in 1...3 {
            let schema = Schema.sample(version)
            #expect(Schema(json: try schema.json) == schema)
            if version > 1 {
                #expect(schema.problems(following: .sample(version - 1)) == [])
                #expect(Schema.sample(version - 1).problems(following: schema) != [])
            }
        }
        #expect(Schema(json: "{}") == nil)
        #expect(
            Schema(json: #"{"name":"s","version":1,"collections":[{"name":"a b","fields":[]}]}"#)
                == nil)
    }

    @Test("and its sets and counters start empty, whatever default their JSON names")
    func startsEmpty() throws {
        let json = """
            {"name":"s","version":1,"collections":[{"name":"project","fields":[
            {"name":"tags","type":"set","policy":"set","default":["a"]},
            {"name":"hours","type":"counter","policy":"counter","default":5},
            {"name":"level","type":"integer","policy":"latest","default":5}]}]}
            """
        let fields = try #require(Schema(json: json)?.collection("project")).fields
        #expect(fields.map(\.standard) == [.set([]), .integer(0), .integer(5)])
    }

    /// Released versions of planning, each as it was: `released` has them by the
    /// number. A change of `planning.json` without a greater version fails here.
    @Test("and planning follows each of its released versions")
    func planning() throws {
        let now = PlanningSchema.schema
        #expect(now.problems == [])
        for version in 1...now.version {
            let path = "\(Golden.root)/../released/planning-\(version).json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let released = try #require(Schema(json: text))
            #expect(now.problems(following: released) == [])
            if version == now.version { #expect(now == released) }
        }
        #expect(Schema.nextPlanning.problems(following: now) == [])
    }
}
