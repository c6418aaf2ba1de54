// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@Suite("Values of an enum")
struct EnumValueTests {
    private let field = Field("currency", .enum, .latest, values: ["DKK", "EUR"])

    @Test("what only looks like a listed one, as with a Kelvin sign, becomes it byte for byte")
    func lookalike() throws {
        let value = try field.canonical(.text("D\u{212a}K"))
        #expect(value.canonicalBytes == Value.text("DKK").canonicalBytes)
    }

    @Test("what is longer than any may be is compared with none", .timeLimit(.minutes(1)))
    func long() {
        let text = "D" + String(repeating: "\u{301}\u{323}", count: 200_000)
        #expect(throws: InvalidValue.self) { try field.canonical(.text(text)) }
        let set = Field("currencies", .set, .set, values: ["DKK", "EUR"])
        #expect(throws: InvalidValue.self) { try set.canonical(.set([text])) }
    }
}
