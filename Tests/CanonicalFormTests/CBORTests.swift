// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@Suite("Canonical CBOR")
struct CBORTests {
    /// The examples of RFC 8949, appendix A, that this format uses.
    @Test(
        "encodes as RFC 8949 appendix A does",
        arguments: [
            (Value.integer(0), "00"), (.integer(23), "17"), (.integer(24), "1818"),
            (.integer(1_000_000), "1a000f4240"), (.integer(-1), "20"), (.integer(-1000), "3903e7"),
            (.integer(.min), "3b7fffffffffffffff"), (.text(""), "60"), (.text("ü"), "62c3bc"),
            (.text("水"), "63e6b0b4"), (.null, "f6"), (.set(["a", "b"]), "8261616162"),
        ])
    func examples(_ value: Value, _ hexadecimal: String) throws {
        #expect(Hexadecimal.encode(value.canonicalBytes) == hexadecimal)
        #expect(try Value(CBORDecoder.decode(value.canonicalBytes)) == value)
    }

    @Test(
        "refuses what has a shorter encoding, floats, tags, and what is cut short",
        arguments: [
            "1800", "190017", "f97e00", "c000", "62c3", "61ff", "a2616201616101", "0000", "",
        ])
    func refuses(_ hexadecimal: String) throws {
        let bytes = try #require(Hexadecimal.decode(hexadecimal.utf8))
        #expect(throws: CBORError.self) { try CBORDecoder.decode(bytes) }
    }
}
