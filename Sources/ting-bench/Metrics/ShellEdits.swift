// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore

/// P1t: edits by the stock `sqlite3` shell through the triggers, to the same without them.
///
/// Both sides run the same script in the same program; its start is in both times.
struct ShellEdits: Metric {
    static let name = "P1t"
    static let about = "edits by the stock shell, through triggers"

    func run(_ bench: Bench) async throws -> Result {
        let local = try bench.local()
        let replica = try local.replicaFile()
        let raw = try local.rawFile()
        defer { [replica, raw].forEach(Scratch.remove) }
        let edits: [(name: String, sql: String)] = [
            ("update of one column", "UPDATE task SET title = title || '.'"),
            ("upsert of 12 columns, one differing", try upsert()),
            ("insert", try insert()),
        ]
        let count = local.tasksAtStart.count
        let shell = try Program.system("sqlite3")
        var parts: [Part] = []
        for edit in edits {
            let script = Scratch.file("script")
            defer { unlink(script) }
            try "\(RawDatabase.cache);\nPRAGMA synchronous = FULL;\n\(edit.sql);\n".write(
                toFile: script, atomically: true, encoding: .utf8)
            func time(_ file: String) throws -> Double {
                let path = try Scratch.copy(file)
                defer { Scratch.remove(path) }
                return try shell.run([path], input: script).seconds
            }
            parts.append(
                try await bench.pairs.measure(
                    edit.name, .rate(of: count, unit: "edits/s"),
                    ours: { _ in try time(replica) }, limit: { _ in try time(raw) }))
        }
        return try Result(Self.name, parts, moreIsBetter: true)
    }

    private func columns() throws -> [String] {
        try PlanningRecords.collection("task").fields.map { "\"\($0.name)\"" }
    }

    /// Twelve columns of each row written again, with another title.
    private func upsert() throws -> String {
        let columns = Array(try columns().prefix(12))
        let values = columns.map { $0 == "\"title\"" ? "title || '.'" : $0 }
        let sets = columns.map { "\($0) = excluded.\($0)" }
        return """
            INSERT INTO task (id, \(columns.joined(separator: ", ")))
            SELECT id, \(values.joined(separator: ", ")) FROM task WHERE true
            ON CONFLICT (id) DO UPDATE SET \(sets.joined(separator: ", "))
            """
    }

    /// As many new rows, with ids of the table's own making.
    private func insert() throws -> String {
        let columns = try columns().joined(separator: ", ")
        return "INSERT INTO task (\(columns)) SELECT \(columns) FROM task"
    }
}
