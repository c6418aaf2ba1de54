// SPDX-License-Identifier: Apache-2.0

public import TingCore

/// JSON (RFC 8259) whose objects keep their order: what programs read from `ting`.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// What a query computed; no record holds one. JSON has no infinities: they become null.
    case real(Double)
    case text(String)
    case array([JSONValue])
    case object([(String, JSONValue)])

    public init(_ value: Value) {
        switch value {
        case .null: self = .null
        case .integer(let integer): self = .integer(integer)
        case .text(let text): self = .text(text)
        case .set(let elements): self = .array(elements.map(JSONValue.text))
        }
    }

    public static func integer(_ integer: Int) -> JSONValue { .integer(Int64(integer)) }

    /// Text, or null.
    public static func text(_ text: String?) -> JSONValue { text.map { .text($0) } ?? .null }

    /// One line.
    public var text: String {
        var text = ""
        write(to: &text, indent: nil)
        return text
    }

    /// Several lines, two spaces a level.
    public var indented: String {
        var text = ""
        write(to: &text, indent: 0)
        return text
    }

    private func write(to text: inout String, indent: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let bool): text += bool ? "true" : "false"
        case .integer(let integer): text += String(integer)
        case .real(let number): text += number.isFinite ? String(number) : "null"
        case .text(let string): Self.write(string, to: &text)
        case .array(let items):
            Self.list("[", "]", items, to: &text, indent: indent) { item, text, inner in
                item.write(to: &text, indent: inner)
            }
        case .object(let members):
            Self.list("{", "}", members, to: &text, indent: indent) { member, text, inner in
                Self.write(member.0, to: &text)
                text += inner == nil ? ":" : ": "
                member.1.write(to: &text, indent: inner)
            }
        }
    }

    private static func list<Item>(
        _ open: String, _ close: String, _ items: [Item], to text: inout String, indent: Int?,
        _ write: (Item, inout String, Int?) -> Void
    ) {
        text += open
        let inner = indent.map { $0 + 1 }
        for (index, item) in items.enumerated() {
            if index > 0 { text += "," }
            if let inner { text += "\n" + String(repeating: "  ", count: inner) }
            write(item, &text, inner)
        }
        if let indent, !items.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
        text += close
    }

    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
