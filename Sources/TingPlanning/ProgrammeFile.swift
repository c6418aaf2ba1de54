// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The form of `joint-work-programme.json`: items with id, title, kind and whatever else is known,
/// as `items` of an object or as a list alone.
struct ProgrammeFile: Decodable {
    var items: [ItemRead]

    /// An item, or why it can't be read.
    typealias ItemRead = Result<Item, Unread>

    struct Unread: Error { var problem: String }

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
        /// What could not be read of it, each a sentence.
        var problems: [String] = []
        /// The members that no import knows, in order.
        var unknown: [String]
    }

    private enum Member: String, CodingKey { case items }

    init(from decoder: any Decoder) throws {
        let isList = (try? decoder.unkeyedContainer()) != nil
        let whole =
            try isList
            ? [Whole](from: decoder)
            : decoder.container(keyedBy: Member.self).decode([Whole].self, forKey: .items)
        items = whole.map(\.read)
    }

    /// Reads every item: one that can't be read holds back no other.
    private struct Whole: Decodable {
        var read: ItemRead

        init(from decoder: any Decoder) throws {
            do {
                read = .success(try Item(from: decoder))
            } catch let error as DecodingError {
                read = .failure(Unread(problem: ProgrammeFile.problem(error)))
            }
        }
    }

    /// - Throws: `ProgrammeImport.Unreadable`, where it is no JSON with items.
    init(_ data: Data) throws {
        do {
            self = try JSONDecoder().decode(ProgrammeFile.self, from: data)
        } catch let error as DecodingError {
            throw ProgrammeImport.Unreadable(
                problem: Self.problem(error),
                remedy: """
                    Give a JSON object whose `items` have id, title, kind and the rest, or a list \
                    of such items.
                    """)
        }
    }

    private static func problem(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            "\(subject(context.codingPath)) has no `\(key.stringValue)`"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(subject(context.codingPath)) is of another type than expected"
        default: "the file is not JSON"
        }
    }

    private static func subject(_ path: [any CodingKey]) -> String {
        guard let last = path.last else { return "the file" }
        return last.intValue == nil ? "`\(last.stringValue)`" : "the item"
    }
}

extension ProgrammeFile.Item: Decodable {
    private enum Member: String, CodingKey {
        case id, title, kind, programme, focus_area, danish, chinese, cn_divisions, dk_divisions
        case start, end, tags, source, confidence, note, amount
    }

    /// The name of any member.
    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
    }

    init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Member.self)
        var problems: [String] = []
        func value<T: Decodable>(_ member: Member, _ type: T.Type) -> T? {
            do { return try members.decodeIfPresent(type, forKey: member) } catch {
                problems.append("`\(member.stringValue)` is of another type than expected")
                return nil
            }
        }
        func text(_ member: Member) -> String { value(member, String.self) ?? "" }
        func list(_ member: Member) -> [String] {
            (value(member, [String].self) ?? []).filter { !$0.allSatisfy(\.isWhitespace) }
        }
        id = try members.decode(String.self, forKey: .id)
        title = try members.decode(String.self, forKey: .title)
        kind = try members.decode(String.self, forKey: .kind)
        programme = text(.programme)
        focus_area = text(.focus_area)
        danish = list(.danish)
        chinese = list(.chinese)
        cn_divisions = list(.cn_divisions)
        dk_divisions = list(.dk_divisions)
        start = text(.start)
        end = text(.end)
        tags = list(.tags)
        source = list(.source)
        confidence = text(.confidence)
        note = text(.note)
        let money = value(.amount, Amount.self)
        amount = money.flatMap { $0.text.isEmpty ? nil : $0.text }
        self.problems = problems + (money?.problems ?? [])
        unknown = try decoder.container(keyedBy: Name.self).allKeys.map(\.stringValue)
            .filter { Member(rawValue: $0) == nil }.sorted()
    }

    /// An amount of money: a text, a number, or an object of those.
    private struct Amount: Decodable {
        /// Empty where there is nothing to say.
        var text: String
        /// What could not be read of it, each a sentence.
        var problems: [String] = []

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try container.decode(Part.self).text {
                self.text = text
                return
            }
            let parts = try container.decode([String: Part].self).sorted { $0.key < $1.key }
            text = parts.filter { $0.value.text?.isEmpty == false }
                .map { "\($0.key) \($0.value.text ?? "")" }.joined(separator: ", ")
            problems = parts.filter { $0.value.text == nil }
                .map { "`amount.\($0.key)` is of another type than expected" }
        }
    }

    /// A text, a number or a truth value.
    private struct Part: Decodable {
        /// Empty for null and for white space; `nil` for what holds other values, and for a number
        /// beyond all bounds.
        var text: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                text = ""
            } else if let given = try? container.decode(String.self) {
                text = given.allSatisfy(\.isWhitespace) ? "" : given
            } else if let number = try? container.decode(Int64.self) {
                text = "\(number)"
            } else if let number = try? container.decode(Double.self) {
                text = "\(number)"
            } else if let flag = try? container.decode(Bool.self) {
                text = "\(flag)"
            }
        }
    }
}
