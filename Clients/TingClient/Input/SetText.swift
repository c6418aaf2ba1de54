// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore

/// How a person writes a set: elements between commas or on lines of their own, or a JSON array
/// where one holds a comma.
package enum SetText {
    static func elements(_ text: String, field: String) throws -> [String] {
        // What begins like an array is meant as one: read as a list, one with a line added to it would
        // make elements of its brackets and quotes.
        guard text.first(where: { !$0.isWhitespace }) == "[" else { return list(text) }
        guard let elements = try? JSONDecoder().decode([String].self, from: Data(text.utf8)) else {
            throw InputError(
                "`\(field)` begins with `[`, and is no JSON array of texts.",
                remedy:
                    #"Write `\#(field)=a,b`, or `\#(field)=["a","b"]`; `\#(field)+==[a` adds an element that begins so."#
            )
        }
        return elements.filter { !$0.isEmpty }
    }

    /// The set as text that reads back as the same: an element a line, where they can all stand so.
    package static func text(_ elements: [String]) -> String {
        let lines = elements.joined(separator: "\n")
        let isPlain = list(lines) == elements && !elements.contains { $0.hasPrefix("[") }
        return isPlain ? lines : JSONValue(Value.set(elements)).text
    }

    private static func list(_ text: String) -> [String] {
        text.split { $0 == "," || $0.isNewline }.compactMap { part in
            let element = part.trimmingCharacters(in: .whitespaces)
            return element.isEmpty ? nil : element
        }
    }
}
