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
                node.holds.insert(changeSet.id)
                guard sealedHashes.insert(changeSet.hash).inserted else { continue }
                trace.note("\(node.machine) sealed \(changeSet.id) \(changeSet.operations.count)")
                sealed.insert(changeSet.id)
                oracle.sealed[changeSet.hash] = changeSet.seen
            }
        }
    }

    /// Compares rows with what must be there.
    /// - Parameters:
    ///   - held: Fields that are held back, as `record/field`.
    ///   - unsealed: Records that another tool wrote, and nobody has sealed yet.
    func compare(
        _ rows: [RecordContent], _ place: String, _ picture: Picture, except held: Set<String> = [],
        unsealed: Set<String> = []
    ) throws {
        let place = "\(place) at \(picture.version)"
        var there = Dictionary(
            rows.filter { !unsealed.contains($0.record.description) }.map { ($0.record, $0) },
            uniquingKeysWith: { a, _ in a })
        for (id, record) in picture.records
        where record.isLive && !unsealed.contains(id.description) {
            guard let row = there.removeValue(forKey: id) else {
                if held.contains("\(id)/") { continue }
                throw Broken(.lost, "\(place) has no \(record.collection) \(id)")
            }
            let fields = Set(record.values.keys).union(row.values.keys)
            for field in fields where !held.contains("\(id)/\(field)") {
                guard record.values[field] == row.values[field] else {
                    throw Broken(
                        .different,
                        """
                        \(place): \(record.collection) \(id) \(field) is \
                        \(String(describing: row.values[field])), not \
                        \(String(describing: record.values[field]))
                        """)
                }
            }
        }
        for (id, conflict) in picture.conflicts where !unsealed.contains(id.description) {
            guard let row = there.removeValue(forKey: id) else {
                throw Broken(.lost, "\(place) lacks conflict \(conflict)")
            }
            guard conflict.isShown(by: row) else {
                throw Broken(.different, "\(place): \(row), not \(conflict)")
            }
        }
        // What is held back stays in its table, also where the record is deleted beneath, with the
        // values that it had last.
        let kept = Set(held.map { String($0.prefix(36)) })
        for (id, row) in there where kept.contains(id.description) && !held.contains("\(id)/") {
            guard let last = picture.records[id]?.values else { continue }
            let fields = Set(last.keys).union(row.values.keys)
            for field in fields.sorted() where !held.contains("\(id)/\(field)") {
                guard last[field] != row.values[field] else { continue }
                throw Broken(
                    .different,
                    """
                    \(place): \(row.collection) \(id), kept for what is held back, has \(field) \
                    \(String(describing: row.values[field])), not \(String(describing: last[field]))
                    """)
            }
        }
        let extras = there.values.filter { !kept.contains($0.record.description) }
        if let extra = extras.min(by: { $0.record < $1.record }) {
            throw Broken(
                .different, "\(place) has \(extra.collection) \(extra.record) \(extra.values)")
        }
    }

    /// How long a replica may take, once faults stop, until its outbox is judged, in simulated milliseconds
    /// (the verdict S), and how long each round trip is: that of Denmark to a Chinese province.
    private static let (patience, roundTrip): (Int64, Int64) = (30_000, 360)

    /// Ends the faults; then, with no human act, everyone must come to hold the same.
    func converge() throws {
        try heal()
        for round in 0..<4 {
            for node in nodes {
                let began = clock.time
                try syncWhole(node)
                guard round > 0 || clock.time - began <= Self.patience else {
                    throw Broken(.stuck, "\(node.machine) took \(clock.time - began) ms")
                }
            }
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
        SimulatedDisk.setTime(node.clock.time)
        var run = SyncRun(replica, patience: .seconds(1))
        (node.isToldOfCopy, node.isToldOfStart) = (false, false)
        var action = try run.begin()
        for _ in 0..<1_000 {
            try observeSealed(node)
            clock.advance(Self.roundTrip)
            let message: Message
            switch action {
            case .send(let request): message = .sync(request)
            case .askForMending(let request):
                throw Broken(
                    .different, "\(node.machine) had to be mended at \(request.base.version)")
            case .giveBack(let request) where replacements > 0: message = .giveBack(request)
            case .fetchSnapshot where replacements > 0: message = .snapshot
            case .finish: return try checkView(node)
            case .wait, .giveBack, .fetchSnapshot, .fail:
                throw Broken(
                    .stuck, "\(node.machine): \(action), server at \(try workspace.head().version)")
            }
            guard let reply = try answer(node, onTheLine(message)) else {
                throw Broken(.stuck, "no answer for \(node.machine)")
            }
            action = try step(&run, reply, node, 0)
            try note(run.outcome, node)
            try bug?.afterIntegrating(node, &random)
            try checkView(node)
            guard node.startOvers <= 2 else {
                throw Broken(.stuck, "\(node.machine) starts over again and again")
            }
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
        guard status.digest == digest, status.epoch == oracle.epoch, try replica.verify().matches
        else {
            throw Broken(.different, "\(node.machine) has another digest at \(head)")
        }
        let held = Set(status.invalid.map { "\($0.record)/\($0.field ?? "")" })
        // Made here and held back as a whole: it stays as it was written, whatever others made of its id.
        let whole = try replica.read {
            try String.fetchSet($0, sql: "SELECT record FROM ting_note WHERE kind = 'i'")
        }
        try compare(
            try replica.contents(), node.machine, Picture(oracle), except: held, unsealed: whole)
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
        var kept = Set(oracle.history).union(given)
        for node in nodes {
            let quarantine = try node.replica?.quarantine() ?? []
            kept.formUnion(quarantine.map(\.changeSet.id))
            // Who retries what builds on something discarded is told that it is not there; so is,
            // after a server was wiped, or forgot an epoch, whose edits come before the record that
            // they are of.
            let isStrict = given.isEmpty && !wasWiped && !hasForgottenEpoch
            for waiting in quarantine
            where waiting.code == .tooLarge || waiting.detail.contains("no conflict")
                || isStrict && waiting.code == .invalidValue
            {
                throw Broken(.wrong, "\(node.machine): \(waiting.code) \(waiting.detail)")
            }
        }
        for id in sealed.sorted() where !kept.contains(id) {
            throw Broken(.lost, "\(id) is nowhere")
        }
        for (id, version) in acknowledged
        where oracle.places[id] == nil && !(replacements > 0 && kept.contains(id)) {
            throw Broken(.lost, "\(id), acknowledged as \(version), is not in the history")
        }
    }
}

extension Oracle.Conflict {
    fileprivate func isShown(by row: RecordContent) -> Bool {
        row.values["kind"] == .text(kind.rawValue)
            && row.values["record"] == .text(record.description)
            && row.values["field"]?.text == field
            && row.values["other"]?.text == (other.isNull ? nil : other.json)
            && (row.values["status"] == nil) == isOpen
            && row.values["opened_version"] == .integer(opened)
            && (kind == .unique ? nil : row.values["other_version"]?.integer)
                == (kind == .unique ? nil : otherVersion)
    }
}
