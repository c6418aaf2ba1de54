// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The form of `joint-work-programme.json`: items with id, title, kind and whatever else is known.
struct ProgrammeFile: Decodable {
    var items: [Item]

    struct Item {
        var id: String
        var title: String
        var kind: String
        var programme: String
        var focus_area: String
        var danish: [String]
        var chinese: [String]
        var cn_divisions: [String]
        var dk_divisions: [String]
        var start: String
        var end: String
        var tags: [String]
        var source: [String]
        var confidence: String
        var note: String
        /// As a sentence has it: `currency EUR, value 10850000, what project budget`.
        var amount: String?
    }

    /// - Throws: `ProgrammeImport.Unreadable`, which names the item and the member.
    init(_ data: Data) throws {
        do {
            self = try JSONDecoder().decode(ProgrammeFile.self, from: data)
        } catch let error as DecodingError {
            throw ProgrammeImport.Unreadable(
                problem: Self.problem(error),
                remedy: "Give a JSON object whose `items` have id, title, kind and the rest.")
        }
    }

    private static func problem(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            "\(place(context.codingPath)) has no `\(key.stringValue)`"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(place(context.codingPath)) is of another type than expected"
        default: "The file is not JSON"
        }
    }

    /// `The item 3, danish`; the first item is 1.
    private static func place(_ path: [any CodingKey]) -> String {
        guard let first = path.first else { return "The file" }
        guard path.count > 1, let position = path[1].intValue else {
            return "The member `\(first.stringValue)`"
        }
        let member = path.count > 2 ? ", `\(path[2].stringValue)`," : ""
        return "Item \(position + 1)\(member)"
    }
}

extension ProgrammeFile.Item: Decodable {
    private enum Member: String, CodingKey {
        case id, title, kind, programme, focus_area, danish, chinese, cn_divisions, dk_divisions
        case start, end, tags, source, confidence, note, amount
    }

    init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Member.self)
        func text(_ member: Member) throws -> String {
            try members.decodeIfPresent(String.self, forKey: member) ?? ""
        }
        func list(_ member: Member) throws -> [String] {
            try members.decodeIfPresent([String].self, forKey: member) ?? []
        }
        id = try members.decode(String.self, forKey: .id)
        title = try members.decode(String.self, forKey: .title)
        kind = try members.decode(String.self, forKey: .kind)
        programme = try text(.programme)
        focus_area = try text(.focus_area)
        danish = try list(.danish)
        chinese = try list(.chinese)
        cn_divisions = try list(.cn_divisions)
        dk_divisions = try list(.dk_divisions)
        start = try text(.start)
        end = try text(.end)
        tags = try list(.tags)
        source = try list(.source)
        confidence = try text(.confidence)
        note = try text(.note)
        amount = try members.decodeIfPresent(Amount.self, forKey: .amount)?.text
    }

    /// An amount of money: a text, or an object of texts and numbers.
    private struct Amount: Decodable {
        var text: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self.text = text
            } else {
                let parts = try container.decode([String: Part].self)
                text = parts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.text)" }
                    .joined(separator: ", ")
            }
        }
    }

    private struct Part: Decodable {
        var text: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int64.self) {
                text = String(number)
            } else {
                text = (try? container.decode(String.self)) ?? ""
            }
        }
    }
}
