// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TingPlanning

@Suite("Reading comma-separated values")
struct CSVTableTests {
    private func rows(_ text: String) throws -> [(Int, [String])] {
        try CSVTable(text).rows.map { ($0.line, $0.cells) }
    }

    @Test(
        "cells are split as RFC 4180 says",
        arguments: [
            ("a,b", [["a", "b"]]), ("a,b\n", [["a", "b"]]), ("a,\n,b\n", [["a", ""], ["", "b"]]),
            ("\"a,b\",c", [["a,b", "c"]]), ("\"say \"\"hej\"\"\"\n", [["say \"hej\""]]),
            ("\"\",x", [["", "x"]]), ("哈尔滨,Århus\n", [["哈尔滨", "Århus"]]),
            ("\u{feff}a,b\n", [["a", "b"]]), ("a b, c ", [["a b", " c "]]), ("", []), ("\n\n", []),
            ("a\"b,c", [["a\"b", "c"]]), ("e\u{301},\r\n", [["e\u{301}", ""]]),
        ])
    func cells(_ text: String, _ cells: [[String]]) throws {
        #expect(try rows(text).map(\.1) == cells)
    }

    @Test(
        "semicolons or tabs separate where the heading has more of them",
        arguments: [
            ("a;b;c\n1,5;x;\"y;z\"\n", [["a", "b", "c"], ["1,5", "x", "y;z"]]),
            ("\u{feff}a\tb\r\n1;2\t3,4\r\n", [["a", "b"], ["1;2", "3,4"]]),
            ("\u{feff}\r\n\r\na;b\r\n1;2\r\n", [["a", "b"], ["1", "2"]]),
            ("\"a,b,c\";d\n", [["a,b,c", "d"]]), ("a,b;c\n", [["a", "b;c"]]),
            ("a\nb;c,d\n", [["a"], ["b;c", "d"]]),
        ])
    func separators(_ text: String, _ cells: [[String]]) throws {
        #expect(try rows(text).map(\.1) == cells)
    }

    @Test(
        "a row is where it begins, whatever the line ends, and breaks within quotes count",
        arguments: ["\n", "\r\n", "\r"])
    func lines(_ end: String) throws {
        let text = ["h", "\"one", "two\"", "", "x", "\"a", "", "b\",\"c", "d\"", "y"]
            .joined(separator: end)
        let rows = try rows(text)
        #expect(rows.map(\.0) == [1, 2, 5, 6, 10])
        #expect(rows.map(\.1) == [["h"], ["one\ntwo"], ["x"], ["a\n\nb", "c\nd"], ["y"]])
    }

    @Test(
        "what is not CSV is refused, with the line",
        arguments: [("a\n\"b\nc", 2), ("a\n\"b\"c", 2), ("\"x\ny\"z", 2)])
    func malformed(_ text: String, _ line: Int) {
        let error = #expect(throws: CSVTable.Malformed.self) { try CSVTable(text) }
        #expect(error?.line == line)
    }
}
