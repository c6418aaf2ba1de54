// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// The server's end: what it answers, and what the model learns from that.
extension World {
    /// The server's answer; `nil` where it died over it.
    func answer(_ node: Node, _ message: Message) throws -> Reply? {
        switch message {
        case .sync(let request): try judge(node, request)
        case .mend(let request): try mend(request)
        case .giveBack(let request): try takeBack(node, request)
        case .snapshot: try snapshot()
        }
    }

    private func judge(_ node: Node, _ request: SyncRequest) throws -> Reply? {
        trace.note(
            "\(clock.time) \(node.machine) asks \(request.base.version) +\(request.deliveries.count)"
        )
        let head = oracle.version
        let known = request.deliveries.filter { oracle.places[$0.changeSet.id] != nil }
        // What the request itself tells counts for the change sets in it.
        if request.base.epoch == oracle.epoch {
            for link in request.links { oracle.tell(link.hash, link.seen) }
            for sent in request.deliveries { oracle.tell(sent.changeSet.hash, sent.changeSet.seen) }
        }
        var response: SyncResponse?
        let isAlive = try attemptOnServer { workspace in
            let judgement = try workspace.accept(
                [.init(request: request, member: node.member.id, role: node.role)],
                now: serverClock.time)[0]
            try bug?.afterAccepting(workspace, &random)
            response = try workspace.reply(
                to: request, judgement: judgement, role: node.role,
                members: request.membersVersion == 0 ? members : nil,
                membersVersion: 1, now: serverClock.time)
        }
        if isAlive { try observeHistory() }
        count(request, known, node)
        guard var response else { return isAlive ? .refused : nil }
        try learn(response, from: node, after: head)
        let clashes = response.clash != nil
        bug?.change(&response, &random)
        return .sync(response, clashes: clashes)
    }

    private func count(_ request: SyncRequest, _ known: [Delivery], _ node: Node) {
        for delivery in known {
            counts.sentAgain += 1
            if let first = firstSender[delivery.changeSet.id], first != node.file {
                counts.sentByCopy += 1
            }
        }
        for delivery in request.deliveries where firstSender[delivery.changeSet.id] == nil {
            firstSender[delivery.changeSet.id] = node.file
        }
    }

    /// - Parameter head: The server's before it judged.
    private func learn(_ response: SyncResponse, from node: Node, after head: Version) throws {
        for verdict in response.verdicts {
            trace.note("verdict \(verdict.number) \(verdict.verdict)")
            if let version = verdict.verdict.version {
                guard oracle.places[verdict.changeSet]?.version == version else {
                    throw Broken(.wrong, "\(verdict.changeSet) is said to be version \(version)")
                }
                guard version <= head || node.role >= .editor else {
                    throw Broken(.wrong, "\(verdict.changeSet) of a viewer was accepted")
                }
                acknowledged[verdict.changeSet] = version
                continue
            }
            if case .rejected = verdict.verdict { rejected.insert(verdict.changeSet) }
        }
    }

    private func mend(_ request: MendRequest) throws -> Reply? {
        var response: MendResponse?
        let isAlive = try attemptOnServer { response = try $0.mend(request) }
        return response.map { .mend($0) } ?? (isAlive ? .refused : nil)
    }

    private func takeBack(_ node: Node, _ request: GiveBackRequest) throws -> Reply? {
        trace.note(
            "\(clock.time) \(node.machine) gives back \(request.entries.map(\.version)) of \(request.epoch)"
        )
        var response: GiveBackResponse?
        comingBack = request
        let next = Epoch.random(using: &random)
        let isAlive = try attemptOnServer { workspace in
            response = try workspace.takeBack(request, now: serverClock.time, next: next).response
            try bug?.afterTakingBack(workspace, &random)
        }
        if isAlive { try observeHistory(isTakenBack: response != nil) }
        comingBack = nil
        guard let response else { return isAlive ? .refused : nil }
        trace.note("taken \(response.taken) refused \(response.refused) as \(response.epoch)")
        for entry in request.entries {
            let isOurs = receipts[entry.receipt]?.key == keyNumber
            if isOurs && response.refused.contains(entry.version)
                || entry.changeSet.bases.contains(where: { oracle.here($0) == nil })
            {
                hasForgottenEpoch = true
            }
        }
        for entry in request.entries where response.taken.contains(entry.version) {
            guard oracle.places[entry.changeSet.id]?.hash == entry.changeSet.hash else {
                throw Broken(.lost, "version \(entry.version) is said to be taken back, and is not")
            }
        }
        return .giveBack(response)
    }

    /// A snapshot of the head, or one made earlier that lags behind a little, as the server keeps
    /// them.
    private func snapshot() throws -> Reply? {
        var path: String?
        let isAlive = try attemptOnServer { workspace in
            let reuses = Bool.random(using: &random)
            if let last = lastSnapshot, reuses || bug == .snapshotStale,
                try bug == .snapshotStale || isFresh(last.version, last.epoch, workspace)
            {
                path = last.path
                return
            }
            snapshotCount += 1
            let made = "\(Self.serverMachine)/snapshot-\(snapshotCount).sqlite"
            let base = try workspace.writeSnapshot(to: made)
            let sent = "line/snapshot-\(snapshotCount).sqlite"
            try SimulatedDisk.copy(made, to: sent)
            try SimulatedDisk.delete(made)
            lastSnapshot = (sent, base.epoch, base.version)
            path = sent
        }
        return path.map { .snapshot($0) } ?? (isAlive ? .refused : nil)
    }

    /// Takes what the server accepted into the model, and compares.
    /// - Parameter isTakenBack: Whether what comes back was surely taken.
    func observeHistory(isTakenBack: Bool = false) throws {
        try attemptOnServer { workspace in
            let entries = try workspace.entries(since: oracle.version, byteLimit: .max)
            let (epoch, names) = try (workspace.epoch, names(workspace))
            let isChanged = epoch != oracle.epoch || names != oracle.names || !entries.isEmpty
            if let request = comingBack, isTakenBack || isChanged {
                try oracle.takeBack(
                    request, appended: entries, epoch: epoch, mayRefuse: replacements > 1,
                    isProven: isProven, onEach: { states[$0.digest] = $0 })
                guard names == oracle.names else {
                    throw Broken(.different, "earlier names are \(names)")
                }
                for entry in entries { noteReceipt(entry) }
            } else {
                for entry in entries { try accept(entry) }
            }
            comingBack = nil
            states[oracle.digest] = oracle
            guard !entries.isEmpty else { return }
            try compare(try workspace.contents(), "the server", Picture(oracle))
        }
    }

    private func accept(_ entry: Entry) throws {
        guard entry.version == oracle.version + 1 else {
            throw Broken(.wrong, "version \(entry.version) follows \(oracle.version)")
        }
        guard oracle.places[entry.changeSet.id] == nil else {
            throw Broken(.wrong, "\(entry.changeSet.id) was accepted twice")
        }
        guard sealedHashes.contains(entry.changeSet.hash) else {
            throw Broken(.wrong, "version \(entry.version) is nothing that anyone sealed")
        }
        trace.note("version \(entry.version) \(entry.changeSet.id) \(entry.effects == nil)")
        oracle.accept(entry)
        noteReceipt(entry)
        states[oracle.digest] = oracle
    }

    private func noteReceipt(_ entry: Entry) {
        receipts[entry.receipt] = (keyNumber, oracle.epoch)
    }

    /// Whether the server's key gave the receipt, in one of the epochs.
    func isProven(_ entry: Entry, _ epochs: Set<Epoch>) -> Bool {
        receipts[entry.receipt].map { $0.key == keyNumber && epochs.contains($0.epoch) } ?? false
    }
}

extension World {
    private func isFresh(_ version: Version, _ epoch: Epoch, _ workspace: Workspace) throws -> Bool
    {
        let head = try workspace.head().version
        return try epoch == workspace.epoch
            && (version == head || version < head && workspace.holdsWhatCameBack(version))
    }

    /// What versions were called in earlier epochs, as the server keeps it.
    private func names(_ workspace: Workspace) throws -> [Epoch: [Version: Version?]] {
        var names: [Epoch: [Version: Version?]] = [:]
        try workspace.tamper { db in
            for row in try Row.fetchAll(db, sql: "SELECT epoch, version, here FROM ting_name") {
                guard let epoch = Epoch(row[0] as String) else { continue }
                names[epoch, default: [:]][row[1]] = .some(row[2])
            }
        }
        return names
    }
}
