// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingCore
import TingStore
import TingTesting

/// Measures what history costs on disk: many small edits of one workspace, then a compaction.
struct Growth: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how files grow with edits, and what compaction gives back.",
        discussion: """
            10,000 records; each edit is a change set of its own, of one field. A replica follows.

            Examples:
              ting-sim growth --edits 1000000
              ting-sim growth --edits 10000 --json
            """)

    @Option(help: "How many edits.") var edits = 1_000_000
    @Option(help: "How many records.") var records = 10_000
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard edits > 0, records > 0 else { throw ValidationError("Name positive numbers.") }
    }

    func run() throws {
        let team = try Team(1)
        let writer = try Writer(team, records: records)
        var figures = Figures(edits: edits, records: records)
        try writer.insertAll()
        try team.sync(0)
        figures.bytesOfRecords = try team.workspace.usedBytes()
        let clock = ContinuousClock()
        var done = 0
        while done < edits {
            let count = min(Limits.deliveryLimit, edits - done)
            figures.acceptSeconds += try clock.measure { try writer.edit(count) }.seconds
            figures.integrateSeconds += try clock.measure { _ = try team.sync(0) }.seconds
            done += count
        }
        figures.workspace = try team.workspace.usedBytes()
        figures.replica = try Self.size(team.replicas[0].path)
        figures.snapshot = try snapshot(team, "before")
        figures.compactSeconds = try clock.measure { _ = try team.compact(.keep(1)) }.seconds
        figures.compacted = try Self.size(team.workspace.path)
        figures.archive = try Self.size(team.archivePath)
        figures.compactedSnapshot = try snapshot(team, "after")
        let problems =
            try team.workspace.verify().problems
            + team.workspace.verify(archive: team.archivePath)
        guard problems.isEmpty else { throw Broken(.wrong, problems.joined(separator: " ")) }
        figures.show(json: json)
    }

    private func snapshot(_ team: Team, _ name: String) throws -> Int64 {
        let path = team.folder.appending(path: name).path
        _ = try team.workspace.writeSnapshot(to: path)
        return try Self.size(path)
    }

    private static func size(_ path: String) throws -> Int64 {
        try ["", "-wal"].reduce(0) { sum, suffix in
            guard FileManager.default.fileExists(atPath: path + suffix) else { return sum }
            let size = try FileManager.default.attributesOfItem(atPath: path + suffix)[.size]
            return sum + (size as? Int64 ?? 0)
        }
    }
}

/// What was measured. Bytes are of files, in seconds what each part took.
private struct Figures {
    var edits: Int
    var records: Int
    var bytesOfRecords: Int64 = 0
    var workspace: Int64 = 0
    var replica: Int64 = 0
    var snapshot: Int64 = 0
    var compacted: Int64 = 0
    var archive: Int64 = 0
    var compactedSnapshot: Int64 = 0
    var acceptSeconds = 0.0
    var integrateSeconds = 0.0
    var compactSeconds = 0.0

    init(edits: Int, records: Int) {
        self.edits = edits
        self.records = records
    }

    private func each(_ bytes: Int64) -> Int64 { (bytes - bytesOfRecords) / Int64(edits) }

    func show(json: Bool) {
        let lines: [(name: String, value: String)] = [
            ("edits", "\(edits)"), ("records", "\(records)"),
            ("workspace_bytes_of_records", "\(bytesOfRecords)"),
            ("workspace_bytes", "\(workspace)"),
            ("workspace_bytes_an_edit", "\(each(workspace))"),
            ("replica_bytes", "\(replica)"), ("snapshot_bytes", "\(snapshot)"),
            ("compacted_workspace_bytes", "\(compacted)"),
            ("compacted_bytes_an_edit", "\(each(compacted))"),
            ("archive_bytes", "\(archive)"),
            ("compacted_snapshot_bytes", "\(compactedSnapshot)"),
            ("accept_seconds", "\(rounded(acceptSeconds))"),
            ("integrate_seconds", "\(rounded(integrateSeconds))"),
            ("compact_seconds", "\(rounded(compactSeconds))"),
        ]
        if json {
            print("{\(lines.map { "\"\($0.name)\": \($0.value)" }.joined(separator: ", "))}")
        } else {
            for line in lines { print("\(line.name) \(line.value)") }
        }
    }

    private func rounded(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }
}

/// One member's device, without a file of its own: it knows what it wrote.
private final class Writer {
    private let team: Team
    private let records: [RecordID]
    private let replica: ReplicaID
    private var values: [[String: Value]]
    private var number: Int64 = 0
    private var random = SeededGenerator(state: 1)
    private static let words = ["water", "wind", "port", "city", "水", "風力", "grant", "meeting"]

    init(_ team: Team, records count: Int) throws {
        self.team = team
        var random = SeededGenerator(state: 2)
        replica = .random(using: &random)
        let start = team.clock.time
        records = (0..<count).map { place in
            .timeOrdered(milliseconds: start + Int64(place), using: &random)
        }
        values = Array(repeating: [:], count: count)
    }

    func insertAll() throws {
        var place = 0
        while place < records.count {
            let page = place..<min(place + Limits.deliveryLimit, records.count)
            try send(
                page.map { place in
                    let fields = ["progress", "summary", "title"].map { field in
                        FieldEdit(
                            field, before: .null, after: value(place, field), time: team.clock.time)
                    }
                    return Operation(
                        .insert, "project", records[place], time: team.clock.time, fields: fields)
                })
            place = page.upperBound
        }
    }

    func edit(_ count: Int) throws {
        try send(
            (0..<count).map { _ in
                let place = Int.random(in: 0..<records.count, using: &random)
                let field =
                    ["progress", "summary", "title"].randomElement(using: &random) ?? "title"
                let before = values[place][field] ?? .null
                let edit = FieldEdit(
                    field, before: before, after: value(place, field), time: team.clock.time)
                return Operation(
                    .update, "project", records[place], time: team.clock.time, fields: [edit])
            })
    }

    /// A new value: a number, a title of some 40 characters, or notes of some 200.
    private func value(_ place: Int, _ field: String) -> Value {
        let value: Value
        if field == "progress" {
            let old = values[place][field]?.integer ?? 0
            value = .integer((old + Int64.random(in: 1...99, using: &random)) % 101)
        } else {
            number += 1
            let count = field == "title" ? 6 : 34
            let text = (0..<count).map { _ in Self.words.randomElement(using: &random) ?? "" }
            value = .text("\(text.joined(separator: " ")) \(number)")
        }
        values[place][field] = value
        return value
    }

    private var delivered: Int64 = 0

    private func send(_ operations: [TingCore.Operation]) throws {
        team.clock.advance(60_000)
        let head = try team.workspace.head()
        let base = Base(epoch: head.epoch, version: head.version)
        // As an outbox does: each lists the one before it.
        var last: Hash?
        let deliveries = operations.map { operation in
            delivered += 1
            let changeSet = ChangeSet(
                id: .random(using: &random),
                seed: (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) },
                schema: team.schema.version, base: base, seen: last.map { [$0] } ?? [],
                time: operation.time, operations: [operation])
            last = changeSet.hash
            return Delivery(number: delivered, changeSet: changeSet)
        }
        let request = SyncRequest(
            replica: replica, base: base, historyDigest: head.history, stateDigest: head.state,
            schema: team.schema.version, sent: team.clock.time, membersVersion: 1,
            pageByteLimit: Limits.pageByteLimit, deliveries: deliveries)
        let judgement = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)[0]
        guard judgement.verdicts.allSatisfy({ $0.verdict.version != nil }),
            judgement.verdicts.count == deliveries.count
        else { throw Broken(.wrong, "an edit was not accepted") }
    }
}

extension Duration {
    fileprivate var seconds: Double { self / .seconds(1) }
}
