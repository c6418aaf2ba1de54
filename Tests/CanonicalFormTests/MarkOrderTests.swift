// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

/// Swift puts the combining marks of a text in order wherever it compares it, at a cost that grows
/// with the square of their number: a text that has them in another order is never compared.
@Suite("The order of combining marks", .timeLimit(.minutes(1)))
struct MarkOrderTests {
    @Test(
        "is that of NFC in what people write",
        arguments: [
            "", "Århus, søen", "哥本哈根与北京合作", "e\u{323}\u{301}", "한국어",
            "\u{1112}\u{1161}\u{11ab}", "\u{628}\u{64e}\u{651}", "\u{5e9}\u{5b8}\u{5c1}", "👩‍🔬👍🏽",
        ])
    func ordered(_ text: String) { #expect(text.hasOrderedMarks) }

    @Test(
        "is another in these",
        arguments: [
            "a\u{301}\u{323}", "\u{628}\u{651}\u{64e}", "x\u{f73}", "\u{f73}", "\u{f75}", "\u{f81}",
        ])
    func disordered(_ text: String) { #expect(!text.hasOrderedMarks) }

    /// Starters, marks of many classes, and signs that decompose into both or into marks alone.
    private static let scalars: [Unicode.Scalar] = [
        "a", "\u{e9}", "\u{1100}", "\u{1161}", "\u{f40}", "\u{f71}", "\u{f72}", "\u{f73}",
        "\u{301}", "\u{323}", "\u{327}", "\u{344}", "\u{345}", "\u{64e}", "\u{651}", "\u{3099}",
    ]

    @Test(
        "is that of NFC in all that is in NFC, or put in it: every text of four starters and marks")
    func normalized() {
        var wrong: [String] = []
        var (normal, disordered) = (0, 0)
        for number in 0..<(1 << 16) {
            var scalars = String.UnicodeScalarView()
            for place in 0..<4 { scalars.append(Self.scalars[(number >> (place * 4)) & 15]) }
            let text = String(scalars)
            let (isNormal, isOrdered) = (text.isNormalized, text.hasOrderedMarks)
            if isNormal { normal += 1 }
            if !isOrdered { disordered += 1 }
            if isNormal, !isOrdered { wrong.append(text) }
            let made = text.normalized
            if !made.isNormalized || !made.hasOrderedMarks { wrong.append(text) }
        }
        #expect(wrong.isEmpty)
        #expect(normal > 0 && disordered > 0)
    }

    /// Some 400,000 of them in two orders in turn.
    private static let many = "a" + String(repeating: "\u{301}\u{323}", count: 200_000)

    @Test("is asked first of all, of each value of a change set")
    func refused() {
        let schema = Schema(
            name: "marks", version: 1,
            collections: [
                CollectionSchema(
                    "task", fields: [Field("tags", .set, .set), Field("title", .text, .latest)])
            ])
        for edit in [
            FieldEdit("title", before: .null, after: .text(Self.many), time: 1),
            FieldEdit("title", before: .text(Self.many), after: .null, time: 1),
            FieldEdit("tags", before: .set([]), after: .set([Self.many]), time: 1),
        ] {
            let changeSet = ChangeSet(
                id: ChangeSetID(high: 1, low: 2), seed: [UInt8](repeating: 7, count: 16),
                schema: 1, base: Base(epoch: Epoch(high: 3, low: 4), version: 0), time: 1,
                operations: [
                    Operation(
                        .update, "task", RecordID(high: 5, low: 6), time: 1, fields: [edit])
                ])
            let error = #expect(throws: InvalidValue.self) { try changeSet.validate(schema) }
            #expect(error?.problem == "a text is not in NFC")
        }
    }
}
