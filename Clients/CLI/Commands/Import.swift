// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GRDB
import TingClient
import TingCore
import TingPlanning
import TingStore
import TingTerminal

struct Import: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Read a programme (.json) or partnership (.csv) file, as one change set.",
        discussion: """
            A very large file becomes several change sets. The same file a second time changes \
            nothing. Records that another file made are \
            completed where nobody wrote the field. Two people who import offline make the same \
            records, and what differs merges field by field.

            Examples:
              ting import joint-work-programme.json --dry-run
              ting import partnerships.csv
              zcat partnerships.csv.gz | ting import -
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(
        help: "The file; `-` for standard input.", completion: .file(extensions: ["json", "csv"]))
    var file: String
    @Flag(help: "Say what would change; change nothing.") var dryRun = false

    @OptionGroup var history: MessageOption

    private struct Counts {
        var added: [String: Int] = [:]
        /// Records that another file had made, and that this one knows more of.
        var completed = 0
        var same = 0
        /// Records that this file may know more of, were it known which fields people wrote.
        var unknown = 0
        /// The newest delivery in the outbox before the import's own.
        var lastNumber: Int64 = 0
    }

    /// Ends a dry run: what was written is rolled back.
    private struct Preview: Error { var counts: Counts }

    func run() throws {
        let replica = try session.replica()
        let plan = try plan(replica)
        let message = history.message ?? "Import \(name ?? "from standard input")"
        let counts = try write(plan, message, replica)
        let parts = try dryRun ? nil : changeSets(after: counts, message, replica)
        report(plan, counts, parts)
        if !dryRun { try session.warnAboutRole(replica, console) }
    }

    /// `nil` for standard input, and for a pipe.
    private var name: String? {
        file == "-" || FileManager.default.fileExists(atPath: file) && !InputFile.isRegular(file)
            ? nil : (file as NSString).lastPathComponent
    }

    private func plan(_ replica: Replica) throws -> ProgrammeImport {
        let data = try InputFile.read(file)
        do {
            return try ProgrammeImport(
                data, name: name, workspace: replica.identity().workspace)
        } catch let error as ProgrammeImport.Unreadable {
            throw CommandError(
                .error, code: "not_readable",
                error.problem.prefix(1).uppercased() + error.problem.dropFirst() + ".",
                remedy: error.remedy)
        }
    }

    private func write(
        _ plan: ProgrammeImport, _ message: String, _ replica: Replica
    ) throws -> Counts {
        let progress = console.progress
        defer { progress.end() }
        do {
            return try replica.write(message: message) { db in
                var counts = Counts()
                counts.lastNumber =
                    try Int64.fetchOne(db, sql: "SELECT max(number) FROM ting_outbox") ?? 0
                let fields = try WrittenFields(db)
                for (done, record) in plan.records.enumerated() {
                    progress.report("\(done) of \(plan.records.count) records")
                    try write(record, replica, db, fields, &counts)
                }
                if dryRun { throw Preview(counts: counts) }
                progress.announce("sealing \(plan.records.count.counted("record"))")
                return counts
            }
        } catch let preview as Preview {
            return preview.counts
        }
    }

    /// Adds the record, unless one of its id is or was here: people's edits and deletions stand.
    private func write(
        _ record: PlannedRecord, _ replica: Replica, _ db: Database, _ fields: WrittenFields,
        _ counts: inout Counts
    ) throws {
        guard let collection = replica.schema.collection(record.collection) else { return }
        if try replica.locate(db, ending: record.id.description).isEmpty {
            try replica.insert(db, collection.name, record.id, record.values)
            counts.added[collection.name, default: 0] += 1
            return
        }
        let gap = try gap(record, collection, db, fields)
        if gap?.isEmpty ?? true {
            counts.same += 1
            if gap == nil { counts.unknown += 1 }
        } else if let gap {
            try replica.update(db, collection.name, record.id, gap)
            counts.completed += 1
        }
    }

    /// What the file knows of a record that is here, in fields that nobody ever wrote; `nil` where its
    /// history lies below the floor, so that people may have cleared them.
    private func gap(
        _ record: PlannedRecord, _ collection: CollectionSchema, _ db: Database,
        _ fields: WrittenFields
    ) throws -> [String: Value]? {
        guard let current = try RecordTable(collection).values(db, record.id) else { return [:] }
        let empty = record.values.filter { current[$0.key]?.isEmpty == true }
        guard !empty.isEmpty else { return [:] }
        guard let written = try fields.fields(of: record.id) else { return nil }
        return empty.filter { !written.contains($0.key) }
    }

    /// How many change sets it became: a very large file has no room in one.
    private func changeSets(
        after counts: Counts, _ message: String, _ replica: Replica
    ) throws -> Int {
        let later = try replica.read { db in
            try Int.fetchOne(
                db, sql: "SELECT count(*) FROM ting_outbox WHERE number > ?",
                arguments: [counts.lastNumber]) ?? 0
        }
        guard later > 1 else { return later }
        // Another program may have written meanwhile.
        return try replica.outbox().count {
            $0.number > counts.lastNumber && $0.changeSet.message == message
        }
    }

    private func report(_ plan: ProgrammeImport, _ counts: Counts, _ parts: Int?) {
        let added = counts.added.sorted { $0.key < $1.key }
        let total = added.reduce(0) { $0 + $1.value }
        if global.json {
            return console.data(
                .object([
                    ("dry_run", .bool(dryRun)), ("added", .integer(total)),
                    ("completed", .integer(counts.completed)),
                    ("unchanged", .integer(counts.same)),
                    ("not_completed", .integer(counts.unknown)),
                    ("change_sets", parts.map { .integer($0) } ?? .null),
                    ("collections", .object(added.map { ($0.key, .integer($0.value)) })),
                    (
                        "problems",
                        .array(
                            plan.problems.map {
                                .object([
                                    ("line", .integer($0.line)), ("problem", .text($0.problem)),
                                ])
                            })
                    ),
                ]))
        }
        let place = plan.format == .json ? "item" : "line"
        for problem in plan.problems {
            console.warn("\(place) \(problem.line): \(problem.problem)")
        }
        let what = added.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let verb = dryRun ? "Would add" : "Added"
        console.note(
            "\(verb) \(total.counted("record"))" + (what.isEmpty ? "" : " (\(what))")
                + (counts.completed == 0 ? "" : ", completed \(counts.completed)")
                + (parts.map { $0 > 1 ? ", in \($0) change sets" : "" } ?? "")
                + "; \(counts.same) were here already.")
        if counts.unknown > 0 {
            console.note(
                "Not completed: \(counts.unknown.counted("record")), whose fields people may have cleared: how they came to be lies below the floor."
            )
        }
    }
}

extension Value {
    fileprivate var isEmpty: Bool { isNull || self == .set([]) }
}
