// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingCore
import TingLink
import TingStore

/// `ting` itself, as people run it.
final class TingRival: Rival {
    static let name = "ting"
    private let server: Server
    private let program: String
    private let first: Seat
    private let second: Seat
    private var third: Seat?
    private let records: [PlanningRecord]

    init(_ records: [PlanningRecord], _ line: Link, _ options: Bench.Options) async throws {
        server = try Server(programs: options.programs, at: line)
        program = options.programs + "/ting"
        first = try await Seat(server.invite("mette@example.org", to: Self.slug, role: .owner))
        second = try await Seat(server.invite("li@example.org", to: Self.slug, role: .editor))
        self.records = records
        try ting(first).run(["clone", Self.slug, "--quiet"])
        let replica = try Replica.open(path(first))
        try replica.fill(records)
        try replica.close()
        try ting(first).run(["sync", "--quiet"])
        try ting(second).run(["clone", Self.slug, "--quiet"])
    }

    private static var slug: String { ServedWorkspace.slug }

    private func ting(_ seat: Seat) -> Program {
        Program(path: program, environment: ["TING_HOME": seat.folder])
    }

    private func path(_ seat: Seat) throws -> String {
        try ting(seat).output(["path"]).trimmingCharacters(in: .newlines)
    }

    func edit(_ count: Int, round: Int) throws {
        for (offset, seat) in [first, second].enumerated() {
            let replica = try Replica.open(path(seat))
            try replica.write { db in
                for record in RecordFiles.scattered(records, count, round, offset) {
                    let title = Value.text(RecordFiles.title(round, record.id))
                    try replica.update(db, "task", record.id, ["title": title])
                }
            }
            try replica.close()
        }
        try ting(second).run(["sync", "--quiet"])
    }

    func sync() throws { try ting(first).run(["sync", "--quiet", "--timeout", "120"]) }

    func prepareClone() async throws {
        third = try await Seat(server.invite("ny@example.org", to: Self.slug, role: .editor))
    }

    func clone() throws {
        guard let third else { throw BenchError("nobody is to clone") }
        try ting(third).run(["clone", Self.slug, "--quiet", "--timeout", "120"])
    }
}
