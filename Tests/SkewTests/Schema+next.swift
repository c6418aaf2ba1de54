// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingPlanning

extension Schema {
    /// Stands for the next version of planning: one collection and one field more.
    static let nextPlanning = Schema(
        name: PlanningSchema.schema.name, version: PlanningSchema.schema.version + 1,
        collections: PlanningSchema.schema.written.map { collection in
            guard collection.name == "project" else { return collection }
            return CollectionSchema(
                "project", label: collection.label,
                fields: [
                    Field(
                        "twinning", .enum, .latest, standard: .text("none"),
                        values: ["none", "planned", "signed"])
                ] + collection.fields)
        } + [
            CollectionSchema(
                "delegation",
                fields: [
                    Field("project", .reference, .review, to: ["project"], parent: true),
                    Field("title", .text, .latest), Field("seats", .counter, .counter),
                ])
        ])
}
