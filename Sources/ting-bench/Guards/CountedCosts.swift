// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingClient
import TingCore
import TingStore
import TingTesting
import TingWire

/// What P1, P2, P5 and P6 cost in pages and bytes: counts, which no crowded machine changes, so that a
/// slow-down is seen in the commit that brings it. What happens between two pages is not in them.
struct CountedCosts {
    private static let rows = 1_000
    private static let pushes = 64
    /// Of P1, P2, P5 and P6: a tenth above what was measured when they were set.
    static let bounds = [3.6, 1.2, 8.8, 6.1]

    func run(_ bench: Bench) throws -> [Result] {
        let local = try LocalWorkspace(records: bench.options.records, seed: bench.options.seed)
        let raw = try RawDatabase(local.rawFile())
        let replica = local.team.replicas[0]
        let other = try local.team.clone(for: local.team.members[0])
        // Its first sync computes a digest.
        try local.team.sync(other, local.team.members[0])
        let rows = local.records.next(Self.rows)
        let insert = try Guards.part(
            "inserts, pages to raw upserts'", count(replica) { try replica.fill(rows) },
            count(raw) { _ = try RawUpserts(rows).run(on: raw, batch: Self.rows) }, "pages")
        try local.team.sync(0)
        let (pulled, written) = try (
            count(other) { try local.team.sync(other, local.team.members[0]) }, insert.limit
        )
        let pull = Guards.part("pull, pages to raw upserts'", pulled, Int(written), "pages")
        let (update, bytes) = try edits(local, replica)
        let push = try pushes(local, replica)
        return [
            try Result("P1", [insert, update], moreIsBetter: false),
            try Result("P2", [pull], moreIsBetter: false),
            try Result("P5", [bytes], moreIsBetter: false),
            try Result("P6", [push], moreIsBetter: false),
        ]
    }

    /// Scattered edits of one field: their pages, and the bytes of the request that sends them.
    private func edits(_ local: LocalWorkspace, _ replica: Replica) throws -> (Part, Part) {
        let tasks = local.tasks(Self.rows)
        var patch = try Patch(replica, tasks)
        let edits = patch.edits(tasks.count, 0)
        let raw = try RawDatabase(local.rawFile())
        let sql = "UPDATE task SET title = ? WHERE id = ?"
        let ours = try count(replica) {
            try replica.write { db in
                let statement = try db.cachedStatement(sql: sql)
                for edit in edits { try statement.execute(arguments: [edit.title, edit.id]) }
            }
        }
        let theirs = try count(raw) {
            let statement = try raw.prepare(sql)
            try raw.execute("BEGIN")
            for edit in edits { try statement.run(RawRow([.text(edit.title), .text(edit.id)])) }
            try raw.execute("COMMIT")
        }
        let request = try replica.nextRequest()
        let bytes = try WireCoding.protobuf.encode(request.wire).count
        try local.team.sync(0)
        return (
            Guards.part("updates of one field, pages to raw updates'", ours, theirs, "pages"),
            Guards.part(
                "their request, to a packed patchset", bytes, Int(try patch.size(of: edits)),
                "bytes")
        )
    }

    /// The server's pages for change sets of one record each, in one commit.
    private func pushes(_ local: LocalWorkspace, _ replica: Replica) throws -> Part {
        let rows = (0..<Self.pushes).map { _ in local.records.task() }
        for row in rows { try replica.insert([row]) }
        let request = try replica.nextRequest()
        let before = try local.team.workspace.pageCount()
        _ = try local.team.answer(request)
        let ours = try local.team.workspace.pageCount() - before
        let raw = try RawDatabase(local.rawFile())
        let theirs = try count(raw) { _ = try RawUpserts(rows).run(on: raw, batch: 1) }
        return Guards.part(
            "\(Self.pushes) pushes, server's pages to raw commits'", ours, theirs, "pages")
    }

    private func count(_ replica: Replica, _ body: () throws -> Void) throws -> Int {
        let before = try replica.pageCount()
        try body()
        return try replica.pageCount() - before
    }

    private func count(_ raw: RawDatabase, _ body: () throws -> Void) rethrows -> Int {
        let before = PageCount.of(raw.handle)
        try body()
        return PageCount.of(raw.handle) - before
    }
}
