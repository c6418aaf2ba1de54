// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// Files that are copied, put aside, and put back: replicas' and the server's.
extension World {
    // MARK: Replicas

    /// The file is copied to a second machine, and both are used; also while a sync is under way.
    func copy(_ node: Node) throws {
        guard nodes.count < 8, node.replica != nil, !node.health.isFaulty(at: clock.time) else {
            return
        }
        let twin = Node(
            "n\(nodes.count)", node.member, MachineClock(clock, shift: node.clock.shift))
        twin.role = node.role
        twin.hasSynced = node.hasSynced
        try SimulatedDisk.copy(node.path, to: twin.path)
        try twin.open(schema)
        twin.holds = node.holds
        twin.quarantined = node.quarantined
        node.copies += 1
        // What made the original a copy, unheard of so far, makes this one, too.
        twin.copies = node.copies - node.renames
        nodes.append(twin)
        try observeSealed(twin)
        try checkView(twin)
    }

    func backUp(_ node: Node) throws {
        try act(node) { try $0.seal() }
        let path = node.backupPath(node.backups)
        guard (try? SimulatedDisk.copy(node.path, to: path)) != nil else { return }
        node.backups += 1
    }

    /// An older copy takes the file's place, also while a sync of the newer one is under way.
    func restore(_ node: Node, _ which: Int) throws {
        guard node.backups > 0, !node.health.isFaulty(at: clock.time), let replica = node.replica
        else { return }
        try replica.close()
        node.run = nil
        node.request += 1
        for suffix in ["", "-wal", "-journal"] { try? SimulatedDisk.delete(node.path + suffix) }
        try SimulatedDisk.copy(node.backupPath(which % node.backups), to: node.path)
        node.generation += 1
        node.copies += 1
        try node.open(schema)
        node.holds = Set(try node.replica?.outbox().map(\.changeSet.id) ?? [])
        node.quarantined = Set(try node.replica?.quarantine().map(\.changeSet.id) ?? [])
        node.holds.formUnion(node.quarantined)
        try observeSealed(node)
        try checkView(node)
        try writeOff()
    }

    // MARK: The server

    func backUpServer() throws {
        guard serverBackups.count < 8, !serverHealth.isFaulty(at: clock.time) else { return }
        let path = "vault/backup-\(serverBackups.count).sqlite"
        try attemptOnServer { try $0.backup(to: path) }
        serverBackups.append(ServerBackup(path: path, oracle: oracle, keyNumber: keyNumber))
    }

    /// Another file takes the place of the server's; what it lacks, the replicas have to give back.
    func replaceServer(_ how: Scenario.Replacement, _ which: Int) throws {
        guard !serverHealth.isFaulty(at: clock.time), let old = workspace else { return }
        if how == .moved { try backUpServer() }
        let isEmpty = serverBackups.isEmpty
        guard how == .wiped || !isEmpty else { return }
        try old.close()
        for suffix in ["", "-wal", "-journal"] {
            try? SimulatedDisk.delete(Self.workspacePath + suffix)
        }
        replacements += 1
        lastSnapshot = nil
        if how == .wiped {
            try wipe()
        } else {
            let index = how == .moved ? serverBackups.count - 1 : which % serverBackups.count
            try putBack(serverBackups[index], isRestored: how != .copiedBack)
        }
        trace.note("the server is \(how), at \(oracle.version) of \(oracle.epoch)")
        states[oracle.digest] = oracle
        try writeOff()
    }

    private func wipe() throws {
        keyNumber += 1
        wasWiped = true
        let epoch = Epoch.random(using: &random)
        let new = try Workspace.create(
            path: Self.workspacePath, slug: "team", schema: schema, epoch: epoch,
            receiptKey: Self.key(keyNumber))
        new.setMergeStepLimit(oracle.mergeSteps)
        workspace = new
        let sealed = oracle.sealed
        oracle = Oracle(schema: schema, epoch: epoch, mergeSteps: oracle.mergeSteps)
        (oracle.sealed, oracle.isOlder) = (sealed, true)
    }

    private func putBack(_ backup: ServerBackup, isRestored: Bool) throws {
        try SimulatedDisk.copy(backup.path, to: Self.workspacePath)
        let new = try Workspace(path: Self.workspacePath, schema: schema)
        new.setMergeStepLimit(oracle.mergeSteps)
        workspace = new
        let sealed = oracle.sealed
        let lost = oracle.version > backup.oracle.version
        (oracle, keyNumber) = (backup.oracle, backup.keyNumber)
        (oracle.sealed, oracle.isOlder) = (sealed, oracle.isOlder || lost)
        guard isRestored else { return }
        let epoch = Epoch.random(using: &random)
        try new.startEpoch(epoch)
        oracle.startEpoch(epoch, after: oracle.version)
    }

    // MARK: What can't come back

    /// What one file holds that may come back from it.
    private struct Holdings {
        var member: MemberID
        var epoch: Epoch
        var waiting: Set<ChangeSetID>
        var entries: [Entry]
    }

    /// Gives up what neither the server nor any replica has that could bring it back: a file that
    /// was overwritten held it alone.
    private func writeOff() throws {
        let holdings = try nodes.map { try look(at: $0) }
        let known = Set(oracle.lineage.keys).union([oracle.epoch])
        for id in sealed.subtracting(given) where oracle.places[id] == nil {
            let isHeld = holdings.contains { file in
                file.waiting.contains(id)
                    || file.entries.contains { entry in
                        entry.changeSet.id == id
                            && (entry.author == file.member
                                || isProven(entry, known.union([file.epoch])))
                    }
            }
            guard !isHeld else { continue }
            trace.note("\(id) is given up")
            given.insert(id)
            acknowledged[id] = nil
        }
    }

    /// Reads a node's file past all faults.
    private func look(at node: Node) throws -> Holdings {
        let copy = "look/replica.sqlite"
        try SimulatedDisk.copy(node.path, to: copy)
        let replica = try Replica(path: copy, schema: schema, clock: { 0 })
        defer {
            try? replica.close()
            for suffix in ["", "-wal", "-journal"] { try? SimulatedDisk.delete(copy + suffix) }
        }
        return Holdings(
            member: node.member.id, epoch: try replica.identity().base.epoch,
            waiting: Set(
                try replica.outbox().map(\.changeSet.id)
                    + replica.quarantine().map(\.changeSet.id)),
            entries: try replica.history(of: nil))
    }
}
