// SPDX-License-Identifier: Apache-2.0

package import TingCore

extension Schema {
    /// A small schema with a field for each policy, and a child.
    package static let sample = Schema(
        name: "sample", version: 1,
        collections: [
            CollectionSchema(
                "project",
                fields: [
                    Field("code", .text, .review, unique: true),
                    Field("title", .text, .latest),
                    Field("summary", .text, .text),
                    Field(
                        "status", .enum, .latest, standard: .text("idea"),
                        values: ["idea", "active", "done"]),
                    Field("partners", .set, .set),
                    Field("hours", .counter, .counter),
                    Field(
                        "sensitivity", .enum, .max, standard: .text("open"),
                        values: ["open", "internal", "restricted"]),
                    Field("retain", .date, .min),
                    Field("budget", .money, .review),
                    Field("progress", .integer, .latest, least: 0, greatest: 100),
                    Field("lead", .reference, .latest, to: ["person"]),
                ]),
            CollectionSchema(
                "task",
                fields: [
                    Field("project", .reference, .review, to: ["project"], parent: true),
                    Field("title", .text, .latest),
                ]),
            CollectionSchema("person", fields: [Field("name", .text, .latest)]),
        ])
}

/// Schemas that follow `Schema.sample` as releases follow one another: they only grow.
extension Schema {
    /// The sample schema of this version: 1 is `sample` itself, 2 and 3 each add a collection, and
    /// fields of several policies to the collections that were.
    package static func sample(_ version: Int) -> Schema {
        guard version > 1 else { return .sample }
        let before = sample(version - 1)
        let added = version == 2 ? secondFields : thirdFields
        let grown = before.written.map { collection in
            CollectionSchema(
                collection.name,
                fields: collection.fields.map { version == 2 ? $0.grown : $0 }
                    + (added[collection.name] ?? []))
        }
        return Schema(
            name: before.name, version: version,
            collections: version == 2 ? [visit] + grown : grown + [paper])
    }

    private static let secondFields: [String: [Field]] = [
        "project": [
            Field(
                "priority", .enum, .latest, standard: .text("normal"),
                values: ["low", "normal", "high"]),
            Field("notes", .text, .text), Field("readers", .set, .set),
            Field("views", .counter, .counter),
            Field("ceiling", .money, .review, standard: .integer(100)),
        ],
        "person": [Field("email", .text, .review, unique: true)],
    ]
    private static let thirdFields: [String: [Field]] = [
        "project": [Field("deadline", .date, .min)],
        "visit": [Field("report", .text, .text)],
        "task": [Field("done", .enum, .max, standard: .text("no"), values: ["no", "yes"])],
    ]
    private static let visit = CollectionSchema(
        "visit",
        fields: [
            Field("project", .reference, .latest, to: ["project"], parent: true),
            Field("place", .text, .latest, standard: .text("Aarhus")),
            Field("guests", .counter, .counter),
        ])
    private static let paper = CollectionSchema(
        "paper",
        fields: [
            Field("visit", .reference, .review, to: ["visit"], parent: true),
            Field("title", .text, .latest),
        ])
}

extension Field {
    /// The status gains a value between two others.
    fileprivate var grown: Field {
        guard name == "status" else { return self }
        return Field(
            name, kind, policy, standard: standard, values: ["idea", "active", "paused", "done"])
    }
}
