// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// Syncs among rotten files, and what must hold after them.
extension BitrotWorld {
    @discardableResult
    func sync(
        _ replica: Replica, _ index: Int, _ workspace: Workspace, _ role: Role = .editor
    ) throws -> Bool {
        var run = SyncRun(replica, patience: .seconds(1))
        var action = try run.begin()
        for _ in 0..<200 {
            clock.advance(10)
            switch action {
            case .send(let request):
                let judgement = try workspace.accept(
                    [.init(request: request, member: members[index].id, role: role)],
                    now: clock.time)[0]
                action = try run.received(
                    try workspace.reply(
                        to: request, judgement: judgement, role: role, members: members,
                        membersVersion: 1, now: clock.time))
            case .askForMending(let request):
                action = try run.received(try workspace.mend(request))
            case .giveBack(let request):
                var random = SeededGenerator(state: UInt64(bitPattern: clock.time))
                action = try run.received(
                    try workspace.takeBack(
                        request, now: clock.time, next: .random(using: &random)
                    ).response)
            case .fetchSnapshot:
                let path = "server/fresh.sqlite"
                for suffix in ["", "-wal", "-journal"] { try? SimulatedDisk.delete(path + suffix) }
                _ = try workspace.writeSnapshot(to: path)
                action = try run.startOver(from: path)
            case .wait(let duration):
                clock.advance(duration.milliseconds)
                action = try run.waited()
            case .finish: return run.outcome.mended > 0 || run.outcome.startedOver != nil
            case .fail(let failure): throw Broken(.stuck, "\(replica.path): \(failure)")
            }
        }
        throw Broken(.stuck, "\(replica.path) syncs for ever")
    }

    static func comparable(_ rows: [RecordContent]) -> [RecordContent] {
        rows.filter {
            $0.collection != CollectionSchema.conflict.name && $0.record != unsealed
                && $0.record != later
        }.sorted { $0.record < $1.record }
    }

    /// Everybody holds what they hold when nothing rots.
    func compare(_ workspace: Workspace, _ replicas: [Replica]) throws {
        let rows = try Self.comparable(workspace.contents())
        if rows != expected {
            let other = zip(rows, expected).first { $0 != $1 }
            throw Broken(
                .different,
                "the server holds \(other.map { "\($0.0), not \($0.1)" } ?? "\(rows.count) records")"
            )
        }
        try compareBetween(workspace, replicas)
        try checkNothingLost(workspace, replicas)
    }

    func compareBetween(_ workspace: Workspace, _ replicas: [Replica]) throws {
        if isUnsealedRotten { try checkUnsealed(workspace, replicas) }
        let all = try compared(workspace.contents())
        for replica in replicas {
            let held = try compared(replica.contents())
            guard held == all else {
                let other = zip(held, all).first { $0 != $1 }
                throw Broken(
                    .different,
                    "\(replica.path) holds \(other.map { "\($0.0), not \($0.1)" } ?? "\(held.count) records")"
                )
            }
        }
    }

    private func compared(_ rows: [RecordContent]) -> [RecordContent] {
        rows.filter { !isUnsealedRotten || $0.record != Self.unsealed }
            .sorted { $0.record < $1.record }
    }

    func checkNothingLost(_ workspace: Workspace, _ replicas: [Replica]) throws {
        var kept = Set(
            try workspace.entries(since: 0, byteLimit: .max).map(\.changeSet.id))
        var damaged = 0
        for replica in replicas {
            let quarantine = try replica.quarantine()
            kept.formUnion(quarantine.map(\.changeSet.id))
            damaged += quarantine.count { $0.isDamaged }
        }
        // One that rotted in quarantine is there, is told, and can't be sent.
        let lost = sealed.subtracting(kept)
        guard lost.count <= damaged else { throw Broken(.lost, "\(lost.sorted()) are nowhere") }
    }
}
