// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting
import TingWire

/// G1: syncing ten edits costs in a workspace ten times as large at most 1.2 times as much.
struct SyncCost {
    func run(_ bench: Bench) throws -> Result {
        let small = try cost(bench.options.records / 10, bench.options.seed)
        let large = try cost(bench.options.records, bench.options.seed)
        let size = bench.options.records
        return try Result(
            "G1",
            [
                Guards.part("replica's pages, \(size) to a tenth", large.here, small.here, "pages"),
                Guards.part("server's pages", large.there, small.there, "pages"),
                Guards.part("bytes both ways", large.bytes, small.bytes, "bytes"),
            ], moreIsBetter: false)
    }

    private func cost(_ records: Int, _ seed: UInt64) throws -> (here: Int, there: Int, bytes: Int)
    {
        let local = try LocalWorkspace(records: records, seed: seed)
        let replica = local.team.replicas[0]
        // Once before, so that statements are prepared.
        for round in 0..<2 {
            let pages = (try replica.pageCount(), try local.team.workspace.pageCount())
            try replica.write { db in
                for task in local.tasks(10) {
                    try db.execute(
                        sql: "UPDATE task SET title = ? WHERE id = ?",
                        arguments: ["Guarded \(round)", task.description])
                }
            }
            let request = try replica.nextRequest()
            let response = try local.team.answer(request)
            var summary = IntegrateSummary()
            try replica.integrate(response, to: request, into: &summary)
            guard round == 1 else { continue }
            return (
                try replica.pageCount() - pages.0,
                try local.team.workspace.pageCount() - pages.1,
                try WireCoding.protobuf.encode(request.wire).count
                    + WireCoding.protobuf.encode(response.wire).count
            )
        }
        throw BenchError("nothing was counted")
    }
}

extension Team {
    /// The server's answer to the first member.
    func answer(_ request: SyncRequest) throws -> SyncResponse {
        let member = members[0]
        let judgement = try workspace.accept(
            [.init(request: request, member: member.id, role: .editor)], now: clock.time)
        guard let first = judgement.first else { throw BenchError("nothing was judged") }
        return try workspace.reply(
            to: request, judgement: first, role: .editor, members: nil, membersVersion: 1,
            now: clock.time)
    }
}
