// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@testable import TingClient

@Suite("What people type for a field")
struct InputTests {
    @Test(
        "is split at the first equals sign",
        arguments: [
            ("title=Water", FieldInput("title", .assign, .literal("Water"))),
            ("title=", FieldInput("title", .assign, .literal(""))),
            ("title=a=b", FieldInput("title", .assign, .literal("a=b"))),
            ("title==@home", FieldInput("title", .assign, .exact("@home"))),
            ("title==", FieldInput("title", .assign, .exact(""))),
            ("notes=@notes.txt", FieldInput("notes", .assign, .file("notes.txt"))),
            ("notes=-", FieldInput("notes", .assign, .standardInput)),
            ("notes=-5", FieldInput("notes", .assign, .literal("-5"))),
            ("tags+=water", FieldInput("tags", .add, .literal("water"))),
            ("tags-=@x", FieldInput("tags", .remove, .literal("@x"))),
            ("tags+==a, b", FieldInput("tags", .add, .exact("a, b"))),
        ])
    func parts(_ text: String, _ input: FieldInput) {
        #expect(FieldInput(text) == input)
    }

    @Test("names a field", arguments: ["title", "=x", "+=x", "a b=x", "--json=1", "tîtle=x"])
    func refused(_ text: String) {
        #expect(FieldInput(text) == nil)
    }

    private let reader = ValueReader { text, collections in
        "\(collections.joined(separator: "|"))/\(text)"
    }
    private static let status = Field("status", .enum, .latest, values: ["active", "on_hold"])
    private static let tags = Field("tags", .set, .set)
    private static let progress = Field("progress", .integer, .latest, least: 0, greatest: 100)

    @Test(
        "becomes a value of the field's type",
        arguments: [
            ("A\u{30a}rhus", Field("t", .text, .latest), Value.text("Århus")),
            ("", Field("t", .text, .latest), .null),
            ("2026", Field("d", .date, .latest), .text("2026")),
            ("2024-02-29", Field("d", .date, .latest), .text("2024-02-29")),
            ("2026-11-24 09:30", Field("d", .time, .latest), .text("2026-11-24T09:30")),
            ("Active", status, .text("active")),
            ("40%", progress, .integer(40)),
            ("1234.5", Field("m", .money, .latest), .integer(123_450)),
            ("-0.05", Field("m", .money, .latest), .integer(-5)),
            ("+5", Field("m", .money, .latest), .integer(500)),
            ("b, a,b", tags, .set(["a", "b"])),
            ("a b\nc\r\n\nd", tags, .set(["a b", "c", "d"])),
            (#"["x, y","a"]"#, tags, .set(["a", "x, y"])),
            ("\n [\"b\",\n \"a\"]\n", tags, .set(["a", "b"])),
            ("a\n[b", tags, .set(["[b", "a"])),
            ("", tags, .set([])),
            ("JWP", Field("p", .reference, .latest, to: ["programme"]), .text("programme/JWP")),
            ("", Field("c", .counter, .counter), .integer(0)),
        ])
    func values(_ text: String, _ field: Field, _ value: Value) throws {
        #expect(try reader.value(text, for: field) == value)
    }

    @Test(
        "is refused with a remedy when it is none",
        arguments: [
            ("2026-13", Field("d", .date, .latest)), ("2025-02-29", Field("d", .date, .latest)),
            ("24-11-2026", Field("d", .date, .latest)),
            ("2026-11-24T24:00", Field("d", .time, .latest)),
            ("done", status), ("101", progress), ("-1", progress), ("ten", progress),
            ("1,234.50", Field("m", .money, .latest)), ("1.234", Field("m", .money, .latest)),
            ("99999999999999999999", Field("m", .money, .latest)),
            ("+-5", Field("m", .money, .latest)), ("-+5", Field("m", .money, .latest)),
            ("--5", Field("m", .money, .latest)), ("-", Field("m", .money, .latest)),
            ("[\"a\",\"b\"]\nc", tags), ("[draft", tags), ("[1]", tags), (" [a]", tags),
        ])
    func invalid(_ text: String, _ field: Field) {
        #expect {
            try reader.value(text, for: field)
        } throws: { error in
            (error as? InputError)?.remedy.isEmpty == false
        }
    }

    @Test(
        "the text that an editor shows for a set reads back as the same set",
        arguments: [
            [], ["a", "b"], ["a b", "c"], ["x, y"], ["[x"], ["A", "[b]"], ["two\nlines"], [" lead"],
            ["\u{2028}"], ["\"quoted\""],
        ])
    func shownSet(_ elements: [String]) throws {
        let text = SetText.text(elements)
        #expect(try SetText.elements(text, field: "tags") == elements)
        #expect(try reader.value(text, for: Self.tags) == .set(of: elements))
    }

    @Test("plain elements have a line each, others stand in a JSON array")
    func setText() {
        #expect(SetText.text(["a b", "c"]) == "a b\nc")
        #expect(SetText.text(["a, b", "c"]) == #"["a, b","c"]"#)
    }

    @Test("what can't be read as a set is not taken for an empty one, and may be replaced")
    func unreadableSet() throws {
        let current = Value.text("a, b")
        for change in [FieldInput.Change.add, .remove] {
            let error = #expect(throws: InputError.self) {
                try reader.value([.init(change, "c")], for: Self.tags, current: current)
            }
            #expect(error?.sentence.contains("held back") == true)
        }
        let steps: [ValueReader.Step] = [.init(.assign, "a,b"), .init(.add, "c")]
        #expect(
            try reader.value(steps, for: Self.tags, current: current) == .set(["a", "b", "c"]))
    }

    @Test("an unknown status names those that are known")
    func namesValues() {
        let error = #expect(throws: InputError.self) { try reader.value("done", for: Self.status) }
        #expect(error?.remedy == "Allowed: active, on_hold.")
    }

    @Test("adds to and takes from sets and counters")
    func changes() throws {
        func result(_ change: FieldInput.Change, _ text: String, _ field: Field, _ current: Value)
            throws -> Value
        {
            try reader.value([.init(change, text)], for: field, current: current)
        }
        #expect(try result(.add, "c,a", Self.tags, .set(["a", "b"])) == .set(["a", "b", "c"]))
        #expect(try result(.remove, "b,x", Self.tags, .set(["a", "b"])) == .set(["a"]))
        #expect(try result(.remove, "x, y", Self.tags, .set(["a", "x, y"])) == .set(["a"]))
        let hours = Field("hours", .counter, .counter)
        #expect(try result(.add, "3", hours, .integer(4)) == .integer(7))
        #expect(try result(.remove, "5", hours, .integer(4)) == .integer(-1))
        #expect(throws: InputError.self) { try result(.add, "1", Self.progress, .integer(4)) }
        #expect(throws: InputError.self) {
            try result(.add, "9223372036854775807", hours, .integer(4))
        }
    }

    @Test("steps of one field are done in order, and many of them in little time")
    func steps() throws {
        let steps: [ValueReader.Step] = [
            .init(.add, "x"), .init(.assign, "b,a"), .init(.add, "c, d", exact: true),
            .init(.remove, "a"), .init(.add, "a"), .init(.remove, "c, d"),
        ]
        #expect(
            try reader.value(steps, for: Self.tags, current: .set(["old"])) == .set(["a", "b"]))
        let hours = Field("hours", .counter, .counter)
        #expect(
            try reader.value(
                [.init(.add, "3"), .init(.remove, "1"), .init(.add, "5")], for: hours,
                current: .integer(1)) == .integer(8))
        // With a set made for each step this took minutes.
        let many = (0..<50_000).map { ValueReader.Step(.add, "t\($0)") }
        #expect(try reader.value(many, for: Self.tags, current: .null).elements.count == 50_000)
    }

    @Test("short ids are the shortest endings that name one id, and four characters at least")
    func shortIDs() {
        let ids = ["0190-0000-aaaa", "0190-0000-baaa", "0190-0001-aaaa", "0190-0000-abcd"]
        let short = ShortIDs(ids)
        #expect(short.short("0190-0000-abcd") == "abcd")
        #expect(short.short("0190-0000-baaa") == "baaa")
        #expect(short.short("0190-0000-aaaa") == "0-aaaa")
        for id in ids { #expect(ids.filter { $0.hasSuffix(short.short(id)) } == [id]) }
    }

    @Test("among too many ids to look at each, short ids are so long that others hardly end so")
    func longerShortIDs() {
        #expect(ShortIDs.length(among: 5_001) == 9)
        #expect(ShortIDs.length(among: 65_536) == 9)
        #expect(ShortIDs.length(among: 1_000_000) == 10)
        #expect(ShortIDs.length(among: .max) == 12)
        let short = ShortIDs(["0190-00001111aaaa"], leastLength: 9)
        #expect(short.short("0190-00001111aaaa") == "01111aaaa")
    }
}
