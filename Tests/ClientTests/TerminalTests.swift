// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Testing
import TingTerminal

@testable import ting

@Suite("Tables and text for people and programs")
struct TerminalTests {
    @Test(
        "text is as wide as a terminal shows it",
        arguments: [
            ("abc", 3), ("København", 9), ("哥本哈根", 8), ("厅 tīng", 7), ("A\u{30a}", 1), ("", 0),
            ("한국", 4), ("ｶﾅ", 2), ("Ａ", 2), ("👍🏽", 2), ("e\u{301}\u{200d}", 1),
            ("🇩🇰", 2), ("🇩🇰🇨🇳 x", 6),
        ])
    func width(_ text: String, _ columns: Int) {
        #expect(DisplayWidth.of(text) == columns)
    }

    @Test("a pipe that does not wait by itself, and is full, takes all of it all the same")
    func fullPipe() throws {
        let count = 1 << 20
        let pipe = Pipe()
        let end = dup(pipe.fileHandleForWriting.fileDescriptor)
        try pipe.fileHandleForWriting.close()
        #expect(fcntl(end, F_SETFL, O_NONBLOCK) == 0)
        Thread.detachNewThread {
            Terminal.write(Data(repeating: 0x61, count: count), to: end)
            close(end)
        }
        let read = try pipe.fileHandleForReading.readToEnd()
        #expect(read?.count == count)
    }

    @Test("columns stand in line with Danish and Chinese in them")
    func aligned() {
        var table = TextTable(headings: ["id", "name", "n"])
        table.rows = [["1", "哈尔滨", "7"], ["2", "Århus", "12"], ["3", "two\nlines", "100"]]
        table.rightAligned = [2]
        #expect(
            table.lines(style: TextStyle(isPlain: true)) == [
                "ID  NAME      N", "1   哈尔滨    7", "2   Århus    12", "3   two…    100",
            ])
    }

    @Test("a heading that is longer in capitals has room")
    func capitals() {
        let table = TextTable(headings: ["Straße", "n"], rows: [["x", "1"]])
        #expect(
            table.lines(style: TextStyle(isPlain: true)) == ["STRASSE  N", "x        1"])
    }

    @Test("a value can't send control codes to the terminal")
    func control() {
        var table = TextTable(headings: ["name"])
        table.rows = [["a\u{1b}[31mb\u{9b}c"]]
        #expect(table.lines(style: TextStyle(isPlain: true)).last == "a[31mbc")
    }

    @Test("CSV quotes what RFC 4180 says")
    func csv() {
        #expect(
            CSVText.line(["a", "b,c", "d\"e", "f\ng", ""]) == "a,\"b,c\",\"d\"\"e\",\"f\ng\",\r\n")
    }

    @Test(
        "times are RFC 3339, before 1970 too",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1_709_164_799_999, "2024-02-28T23:59:59.999Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (253_402_300_799_000, "9999-12-31T23:59:59.000Z"),
        ] as [(Int64, String)])
    func times(_ milliseconds: Int64, _ text: String) {
        #expect(TimeText.rfc3339(milliseconds) == text)
    }

    @Test("a date is where its day, month or year begins")
    func starts() {
        // Where this computer is, between -12 and +14 hours of UTC.
        for (date, utc) in [("2024-02-29", 1_709_164_800_000), ("1970", 0)] as [(String, Int64)] {
            let start = TimeText.start(of: date) ?? .max
            #expect(TimeText.short(start) == "\(date.count == 4 ? date + "-01-01" : date) 00:00")
            #expect((utc - 50_400_000...utc + 43_200_000).contains(start))
        }
        #expect(TimeText.start(of: "last") == nil)
    }

    @Test("a time as JSON has it is read back, with or without seconds")
    func instants() {
        #expect(TimeText.instant("2024-02-28T23:59:59.999Z") == 1_709_164_799_999)
        #expect(TimeText.instant("2024-02-29T00:00Z") == 1_709_164_800_000)
        #expect(TimeText.instant("2024-02-29 00:00:00.5Z") == 1_709_164_800_500)
        #expect(TimeText.instant("2024-02-29T08:00:00+08:00") == 1_709_164_800_000)
        #expect(TimeText.instant("2024-02-28 19:00 -05:00") == 1_709_164_800_000)
        #expect(TimeText.instant("2024-02-29 00:00") == TimeText.start(of: "2024-02-29"))
        #expect(TimeText.instant("2024-02-29T24:00Z") == nil)
        #expect(TimeText.instant("2024-02-30") == nil)
    }

    @Test(
        "an edit is the same with the parser and without it",
        arguments: [
            ["set", "JWP-1", "status=active"], ["set", "4f2a", "a+=x", "b-=y", "c==-", "d=-"],
            ["set", "x", "a=1", "--json", "-q"], ["set", "--json", "x", "a=1", "-w", "slug"],
            ["set", "x", "-m", "why not", "a=1", "--replica", "f"],
            ["add", "project", "title_en=--json"], ["add", "project"],
            ["add", "task", "a=", "--message", "m", "--workspace", "h/s", "--quiet"],
        ])
    func edits(_ arguments: [String]) throws {
        let command = try Ting.parseAsRoot(arguments)
        let parsed = (command as? SetFields)?.edit ?? (command as? Add)?.edit
        #expect(parsed != nil && RecordEdit(arguments) == parsed)
    }

    @Test(
        "a list is the same with the parser and without it",
        arguments: [
            ["list", "task"], ["list", "task", "--limit", "50", "--json"],
            ["list", "task", "--where", "due < '2027'", "--csv", "--columns", "title,due"],
            [
                "list", "--sort", "end", "project", "-q", "-w", "slug", "--limit", "1", "--limit",
                "2",
            ],
        ])
    func lists(_ arguments: [String]) throws {
        let parsed = (try Ting.parseAsRoot(arguments) as? List)?.list
        #expect(parsed != nil && RecordList(arguments) == parsed)
    }

    @Test(
        "a sync is the same with the parser and without it",
        arguments: [
            ["sync"], ["sync", "-q", "--fail-on-conflicts", "--replica", "f"],
            ["sync", "--follow", "--json"], ["sync", "--dry-run", "-m", "a", "--message", "b"],
        ])
    func syncs(_ arguments: [String]) throws {
        let parsed = (try Ting.parseAsRoot(arguments) as? Sync)?.sync
        #expect(parsed != nil && ReplicaSync(arguments) == parsed)
    }

    @Test(
        "a list or sync that is not plain is left to the parser",
        arguments: [
            ["list"], ["list", "a", "b"], ["list", "a", "--limit", "x"],
            ["list", "a", "--limit=1"],
            ["list", "a", "--sort", "-end"], ["list", "a", "--help"],
            ["list", "a", "--timeout", "5"],
            ["sync", "x"], ["sync", "--nope"], ["sync", "-m"], ["sync", "--help"], ["status"], [],
        ])
    func notPlainLists(_ arguments: [String]) {
        #expect(RecordList(arguments) == nil && ReplicaSync(arguments) == nil)
    }

    @Test(
        "text without marks and emoji has the width that its characters have",
        arguments: [
            "abc", "Sønderborg – ærlig", "审阅绿色航运,访问日程。", "(江苏省)A", "", " \u{a0}x",
            "e\u{301}", "👩‍🔬", "a\tb", "한국", "🇩🇰",
        ])
    func plainWidth(_ text: String) {
        let wide = text.reduce(0) { $0 + DisplayWidth.of($1) }
        #expect(DisplayWidth.of(text) == wide)
        #expect(DisplayWidth.plainWidth(of: text) ?? wide == wide)
    }

    @Test(
        "what is not plain is left to the parser",
        arguments: [
            [], ["list", "x"], ["set"], ["set", "x"], ["add"], ["set", "x", "a=1", "--help"],
            ["set", "x", "a=1", "-m"], ["set", "x", "a=1", "-m", "-x"], ["set", "x", "--", "a=1"],
            ["set", "x", "a=1", "--timeout", "5"], ["set", "x", "a=1", "--message=m"],
            ["set", "x", "a=1", "-wslug"], ["add", "project", "--nope"],
        ])
    func notPlain(_ arguments: [String]) {
        #expect(RecordEdit(arguments) == nil)
    }

    @Test("every command says its name: one made by reflection would slow every start")
    func names() {
        let commands =
            Ting.configuration.subcommands + Outbox.configuration.subcommands
            + Quarantine.configuration.subcommands
        #expect(commands.allSatisfy { $0.configuration.commandName != nil })
    }

    @Test(
        "global options work before the subcommand",
        arguments: [
            (["-w", "a", "list", "x"], ["list", "x", "-w", "a"]),
            (["--json", "status"], ["status", "--json"]),
            (["-wa", "-w=b", "path"], ["path", "-wa", "-w=b"]),
            (
                ["--replica=f", "outbox", "-q", "discard", "x"],
                ["outbox", "discard", "x", "--replica=f", "-q"]
            ),
            (["-w", "a", "sql", "--", "-1"], ["sql", "-w", "a", "--", "-1"]),
            (["list", "x", "--json"], ["list", "x", "--json"]), (["--help"], ["--help"]),
            (["sync", "-m", "--json"], ["sync", "-m", "--json"]), ([], []),
        ])
    func order(_ typed: [String], _ parsed: [String]) {
        #expect(ArgumentOrder.globalsLast(typed) == parsed)
    }
}
