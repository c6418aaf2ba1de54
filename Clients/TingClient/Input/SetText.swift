// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How a person writes a set: elements between commas or on lines of their own, or a JSON array
/// where one holds a comma.
enum SetText {
    static func elements(_ text: String, field: String) throws -> [String] {
        if text.hasPrefix("["), text.hasSuffix("]") {
            guard let elements = try? JSONDecoder().decode([String].self, from: Data(text.utf8))
            else {
                throw InputError(
                    "`\(field)` is not a JSON array of texts.",
                    remedy: #"Write `\#(field)=a,b` or `\#(field)=["a","b"]`."#)
            }
            return elements.filter { !$0.isEmpty }
        }
        return text.split { $0 == "," || $0.isNewline }.compactMap { part in
            let element = part.trimmingCharacters(in: .whitespaces)
            return element.isEmpty ? nil : element
        }
    }
}
