// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TingCore

extension Schema {
    /// Whether it says more than another of its line.
    func isNewer(than other: Schema) -> Bool {
        version > other.version || version == other.version && size > other.size
    }

    /// The schema's JSON, as `Protocol/schema` has it, with its keys in order.
    package var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    /// Reads what `json` gives. `nil` for anything else, and for a schema that is not sound by itself.
    package init?(json: String) {
        guard json.utf8.count <= Limits.schemaByteLimit,
            let schema = try? JSONDecoder().decode(Schema.self, from: Data(json.utf8)),
            schema.problems.isEmpty
        else { return nil }
        self = schema
    }
}
