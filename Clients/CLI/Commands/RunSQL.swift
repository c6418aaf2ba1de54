// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

struct RunSQL: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql",
        abstract: "Run plain SQL on the replica.",
        discussion: """
            Statements that change records become one change set, like any other edit; very many \
            edits become several. Of several statements each prints its rows; with --json, the last \
            that has columns. What begins with a hyphen, as a comment does, comes after -- or by standard \
            input.

            Examples:
              ting sql "SELECT status, count(*) FROM project GROUP BY status"
              ting sql "UPDATE task SET status = 'done' WHERE due < '2026'"
              ting sql --csv "SELECT code, title_en FROM project" > projects.csv
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(
        help: ArgumentHelp(
            "One or more statements; - reads them from standard input.", valueName: "SQL"))
    var sql: String

    @Flag(help: "Comma-separated values (RFC 4180).") var csv = false

    @Option(
        name: [.customShort("m"), .long], parsing: .unconditional,
        help: ArgumentHelp("What to say of a change in the history.", valueName: "text"))
    var message = ""

    func validate() throws { try MessageOption.check(message) }

    /// What a statement with columns gave.
    private struct Answer {
        var columns: [String] = []
        var rows: [[DatabaseValue]] = []
    }

    func run() throws {
        let replica = try session.replica()
        let sql = sql == "-" ? try Self.readInput() : sql
        let writes = try replica.read { try isWriting($0, sql) }
        let answers =
            writes
            ? try replica.write(message: message) { db in
                try StatementGuard.guarding(db) { try execute(db, sql) }
            } : try replica.read { try execute($0, sql) }
        show(answers)
        if writes { try session.warnAboutRole(replica, console) }
    }

    /// SQLite would end at a NUL, and replace what is not UTF-8.
    private static func readInput() throws -> String {
        let data = try StandardFiles.readInput()
        guard let text = String(validating: data, as: UTF8.self), !data.contains(0) else {
            throw CommandError(
                .error, code: "not_text", "The statements are not text in UTF-8 without NUL.",
                remedy: "Save them in UTF-8; write NUL as char(0).")
        }
        return text
    }

    private func isWriting(_ db: Database, _ sql: String) throws -> Bool {
        let statements = try db.allStatements(sql: sql)
        while let statement = try statements.next() {
            if !statement.isReadonly { return true }
        }
        return false
    }

    private func execute(_ db: Database, _ sql: String) throws -> [Answer] {
        var answers: [Answer] = []
        let statements = try db.allStatements(sql: sql)
        while let statement = try statements.next() {
            guard statement.columnCount > 0 else {
                try statement.execute()
                continue
            }
            var answer = Answer(columns: Array(statement.columnNames))
            let rows = try Row.fetchCursor(statement)
            while let row = try rows.next() { answer.rows.append(Self.values(row)) }
            answers.append(answer)
        }
        return answers
    }

    /// Text by its length: GRDB ends it at a NUL.
    private static func values(_ row: Row) -> [DatabaseValue] {
        row.databaseValues.enumerated().map { column, value in
            guard case .string = value.storage, let bytes: Data = row[column] else { return value }
            return String(decoding: bytes, as: UTF8.self).databaseValue
        }
    }

    private func show(_ answers: [Answer]) {
        if global.json {
            let last = answers.last ?? Answer()
            let names = Self.distinct(last.columns)
            let objects = last.rows.map { row in
                JSONValue.object(Array(zip(names, row.map(Self.json))))
            }
            return console.data(.array(objects))
        }
        for answer in answers { show(answer) }
    }

    private func show(_ answer: Answer) {
        if csv {
            let lines = [answer.columns] + answer.rows.map { $0.map(Self.text) }
            Terminal.write(lines.map(CSVText.line).joined())
        } else {
            var table = TextTable(headings: answer.columns.map(Terminal.printableLine))
            table.cellWidth = Terminal.width.map { max(12, $0 / 2) }
            table.rows = answer.rows.map { $0.map(Self.text) }
            table.rightAligned = Set(
                answer.columns.indices.filter { column in
                    !answer.rows.isEmpty
                        && answer.rows.allSatisfy { Int64.fromDatabaseValue($0[column]) != nil }
                })
            console.data(table.lines(style: console.style))
        }
    }

    /// No name twice: one that comes again gets a number, as SQLite gives it in a subquery.
    private static func distinct(_ names: [String]) -> [String] {
        var taken = Set<String>()
        return names.map { name in
            var (free, count) = (name, 0)
            while !taken.insert(free).inserted {
                count += 1
                free = "\(name):\(count)"
            }
            return free
        }
    }

    private static func text(_ value: DatabaseValue) -> String {
        switch value.storage {
        case .null: ""
        case .int64(let integer): String(integer)
        case .double(let number): String(number)
        case .string(let text): text
        case .blob(let data): data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }

    private static func json(_ value: DatabaseValue) -> JSONValue {
        switch value.storage {
        case .null: .null
        case .int64(let integer): .integer(integer)
        case .double(let number): .real(number)
        case .string, .blob: .text(text(value))
        }
    }
}
