// SPDX-License-Identifier: Apache-2.0

/// A value as JSON text (RFC 8259), as set columns and conflicts hold it.
extension Value {
    public var json: String {
        switch self {
        case .null: "null"
        case .integer(let integer): String(integer)
        case .text(let text): Self.quoted(text)
        case .set(let elements): "[" + elements.map(Self.quoted).joined(separator: ",") + "]"
        }
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x22 && $0 != 0x5c }
        if isPlain { return "\"\(text)\"" }
        var json = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\n": json += "\\n"
            case "\r": json += "\\r"
            case "\t": json += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }
}
