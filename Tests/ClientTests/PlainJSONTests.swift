// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import TingClient

@Suite("Reading the configuration without the library's decoder")
struct PlainJSONTests {
    @Test("what Ting writes is read as the decoder reads it")
    func asTheDecoder() throws {
        var known = ClientConfiguration()
        for index in 0..<3 {
            known.servers.append(
                ClientConfiguration.Server(
                    url: "https://[::1]:\(index)", authorityFile: index == 1 ? nil : "a/ca.pem",
                    tokenFile: "a/token", keyFile: "", device: "d", member: "m",
                    name: "Søren Ærlig 王", email: "s@example.org"))
            var replica = ClientConfiguration.KnownReplica(
                workspace: "w\(index)", server: "https://[::1]:\(index)", file: "/a b/c.sqlite")
            replica.versionBeforeSync = index == 2 ? nil : Int64(index) * 9_007_199_254
            known.replicas.append(replica)
        }
        for configuration in [known, ClientConfiguration()] {
            for formatting in [JSONEncoder.OutputFormatting.prettyPrinted, .sortedKeys] {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [formatting, .withoutEscapingSlashes]
                let data = try encoder.encode(configuration)
                let json = try #require(PlainJSON(Array(data)))
                #expect(ClientConfiguration(json) == configuration)
                #expect(
                    try JSONDecoder().decode(ClientConfiguration.self, from: data) == configuration)
            }
        }
    }

    @Test(
        "what is not plain is left to the decoder",
        arguments: [
            "", " ", "{", "[1", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "[1] 2", "null", "true",
            "[1.5]", "[1e3]", "[01]", "[-]", "[9007199254740993000]", "\"a\\n\"", "\"a\nb\"", "\"a",
            "[[[[[[[[[1]]]]]]]]]", "{\"a\":null}", "nonsense",
        ])
    func notPlain(_ text: String) {
        #expect(PlainJSON(Array(text.utf8)) == nil)
    }

    @Test("text that is no UTF-8 is left to the decoder")
    func notText() {
        #expect(PlainJSON([0x22, 0xff, 0x22]) == nil)
    }

    @Test(
        "a configuration with something missing, or of another type, is left to the decoder",
        arguments: [
            "[]", "{}", #"{"servers":[]}"#, #"{"servers":[{}],"replicas":[]}"#,
            #"{"servers":[],"replicas":[{"workspace":"w","server":"s","file":7}]}"#,
            #"{"servers":[],"replicas":[{"workspace":"w","server":"s","file":"f","versionBeforeSync":"1"}]}"#,
        ])
    func incomplete(_ text: String) throws {
        let json = try #require(PlainJSON(Array(text.utf8)))
        #expect(ClientConfiguration(json) == nil)
    }

    @Test("values, in any white space")
    func values() throws {
        let json = try #require(
            PlainJSON(Array(" { \"a\" :\t[ -12 , 0,\r\n\"x\" ] , \"b\":{}} ".utf8)))
        let items = try #require(json["a"]?.array)
        #expect(items.count == 3)
        #expect(items.map(\.integer) == [-12, 0, nil] && items[2].text == "x")
        #expect(json["b"]?["c"] == nil && json["c"] == nil)
    }
}

@Suite("Writing JSON")
struct JSONValueTests {
    @Test("every control character is escaped: none moves a terminal's cursor")
    func controls() {
        let value = JSONValue.text("\u{1b}\t\u{7f}\u{80}\u{9f}\u{a0}é\u{2028}")
        #expect(
            JSONValue.object([("a\u{9b}", value)]).text
                == "{\"a\\u009b\":\"\\u001b\\t\\u007f\\u0080\\u009f\u{a0}é\u{2028}\"}")
    }
}
