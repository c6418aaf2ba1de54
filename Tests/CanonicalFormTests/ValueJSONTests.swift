// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@Suite("A value in JSON")
struct ValueJSONTests {
    @Test(
        "text that is no JSON, or no value of Ting's, is none",
        arguments: [
            #""\u+123""#, #""\u-123""#, #""\u12""#, #""\ud800""#, #""\x41""#, "\"a", "01", "1.5",
            "1e3",
            "9223372036854775808", "true", "{}", "[1]", "[\"a\"", "1 2", "",
        ])
    func refused(_ text: String) { #expect(Value(json: text) == nil) }

    @Test("escapes of every kind are read")
    func escapes() {
        #expect(Value(json: #""\u00e5\u5317\ud83d\ude00\/\n""#) == .text("å北😀/\n"))
        #expect(Value(json: #"["b","a"]"#)?.elements.sorted() == ["a", "b"])
    }
}
