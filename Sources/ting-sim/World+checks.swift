// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// What must hold, checked against the exact model.
extension World {
    /// Learns what a node has sealed: from now on it must not get lost.
    func observeSealed(_ node: Node) throws {
        try attempt(node) {
            for delivery in try node.replica?.outbox() ?? [] {
                let changeSet = delivery.changeSet
                guard sealedHashes.insert(changeSet.hash).inserted else { continue }
                trace.note("\(node.machine) sealed \(changeSet.id) \(changeSet.operations.count)")
                sealed.insert(changeSet.id)
                oracle.sealed(changeSet)
            }
        }
    }

    /// Takes what the server accepted into the model, and compares.
    func observeHistory() throws {
        try attemptOnServer { workspace in
            let entries = try workspace.entries(since: oracle.version, byteLimit: .max)
            for entry in entries {
                guard entry.version == oracle.version + 1 else {
                    throw Broken(.wrong, "version \(entry.version) follows \(oracle.version)")
                }
                guard history.insert(entry.changeSet.id).inserted else {
                    throw Broken(.wrong, "\(entry.changeSet.id) was accepted twice")
                }
                guard sealedHashes.contains(entry.changeSet.hash) else {
                    throw Broken(.wrong, "version \(entry.version) is nothing that anyone sealed")
                }
                trace.note("version \(entry.version) \(entry.changeSet.id) \(entry.effects == nil)")
                oracle.accept(entry)
            }
            guard !entries.isEmpty else { return }
            try compare(workspace)
        }
    }

    private func compare(_ workspace: Workspace) throws {
        let rows = try workspace.contents()
        try compare(rows, "the server")
    }

    /// Compares live records, conflicts among them, with the model.
    private func compare(_ rows: [RecordContent], _ place: String, except held: Set<String> = [])
        throws
    {
        var there = Dictionary(rows.map { ($0.record, $0) }, uniquingKeysWith: { a, _ in a })
        for (id, record) in oracle.records where record.isLive {
            guard let row = there.removeValue(forKey: id) else {
                throw Broken(
                    .lost, "\(place) at \(oracle.version) has no \(record.collection) \(id)")
            }
            let fields = Set(record.values.keys).union(row.values.keys)
            for field in fields where !held.contains("\(id)/\(field)") {
                guard record.values[field] == row.values[field] else {
                    throw Broken(
                        .different,
                        """
                        \(place) at \(oracle.version): \(record.collection) \(id) \(field) is \
                        \(String(describing: row.values[field])), not \
                        \(String(describing: record.values[field]))
                        """)
                }
            }
        }
        for (id, conflict) in oracle.conflicts {
            guard let row = there.removeValue(forKey: id) else {
                throw Broken(.lost, "\(place) at \(oracle.version) lacks conflict \(conflict)")
            }
            guard row.values["kind"] == .text(conflict.kind.rawValue),
                row.values["record"] == .text(conflict.record.description),
                row.values["field"]?.text == conflict.field,
                row.values["other"]?.text == (conflict.other.isNull ? nil : conflict.other.json),
                (row.values["status"] == nil) == conflict.isOpen,
                row.values["opened_version"] == .integer(conflict.opened)
            else {
                throw Broken(.different, "\(place) at \(oracle.version): \(row), not \(conflict)")
            }
        }
        // What is held back stays in its table, also where the record is deleted beneath.
        let kept = Set(held.map { String($0.prefix(36)) })
        let extras = there.values.filter { !kept.contains($0.record.description) }
        if let extra = extras.min(by: { $0.record < $1.record }) {
            throw Broken(
                .different,
                "\(place) at \(oracle.version) has \(extra.collection) \(extra.record) \(extra.values)"
            )
        }
    }

    /// Ends the faults; then, with no human act, everyone must come to hold the same.
    func converge() throws {
        try heal()
        for _ in 0..<4 {
            for node in nodes { try syncWhole(node) }
        }
        guard let workspace else { throw Broken(.stuck, "the server is down") }
        let head = try workspace.head()
        trace.note("converged at \(head.version) \(head.state)")
        let problems = try workspace.verify().problems
        guard problems.isEmpty else { throw Broken(.different, "server: \(problems)") }
        for node in nodes { try check(node, head.version, head.state) }
        try checkNothingLost()
    }

    /// One sync on a perfect line.
    private func syncWhole(_ node: Node) throws {
        guard let replica = node.replica, let workspace else {
            throw Broken(.stuck, "\(node.machine) is down")
        }
        SimulatedDisk.setTime(clock.time + node.shift.time)
        var run = SyncRun(replica, patience: .seconds(1))
        var action = try run.begin()
        try observeSealed(node)
        for _ in 0..<1_000 {
            clock.advance(20)
            switch action {
            case .send(var request):
                bug?.change(&request, &random)
                guard case .sync(let response)? = try answer(node, request) else {
                    throw Broken(.stuck, "no answer for \(node.machine)")
                }
                action = try run.received(response)
                try bug?.afterIntegrating(node, &random)
            case .askForMending(let request):
                throw Broken(
                    .different, "\(node.machine) had to be mended at \(request.base.version)")
            case .finish: return
            case .wait, .giveBack, .fetchSnapshot, .fail:
                throw Broken(
                    .stuck, "\(node.machine): \(action), server at \(try workspace.head().version)")
            }
            try observeSealed(node)
        }
        throw Broken(.stuck, "\(node.machine) syncs for ever")
    }

    private func check(_ node: Node, _ head: Version, _ digest: Hash) throws {
        guard let replica = node.replica else { return }
        let status = try replica.status()
        guard status.version == head, status.outbox == 0 else {
            throw Broken(
                .stuck,
                "\(node.machine) is at \(status.version) of \(head), outbox \(status.outbox) \(status.deferred)"
            )
        }
        guard status.digest == digest, try replica.verify().matches else {
            throw Broken(.different, "\(node.machine) has another digest at \(head)")
        }
        let held = Set(status.invalid.map { "\($0.record)/\($0.field ?? "")" })
        try compare(try replica.contents(), node.machine, except: held)
        let left = try replica.read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT (SELECT count(*) FROM ting_pending) + (SELECT count(*) FROM ting_shared
                    WHERE state <> 'deleted' AND record NOT IN (SELECT record FROM ting_invalid))
                    """) ?? 0
        }
        guard left == 0 else {
            throw Broken(.wrong, "\(node.machine) keeps \(left) rows of what is pending")
        }
    }

    /// Every change set ever sealed is in the history, waits with its author, or was given up.
    private func checkNothingLost() throws {
        var kept = history.union(given)
        for node in nodes {
            let quarantine = try node.replica?.quarantine() ?? []
            kept.formUnion(quarantine.map(\.changeSet.id))
            // Who retries what builds on something discarded is told that it is not there.
            for waiting in quarantine
            where waiting.code == .tooLarge || given.isEmpty && waiting.code == .invalidValue {
                throw Broken(.wrong, "\(node.machine): \(waiting.code) \(waiting.detail)")
            }
        }
        for id in sealed.sorted() where !kept.contains(id) {
            throw Broken(.lost, "\(id) is nowhere")
        }
        for (id, version) in acknowledged where !history.contains(id) {
            throw Broken(.lost, "\(id), acknowledged as \(version), is not in the history")
        }
    }
}
