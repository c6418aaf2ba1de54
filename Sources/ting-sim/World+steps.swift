// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// What the steps of a scenario do.
extension World {
    func carryOut(_ step: Scenario.Step) throws {
        trace.note("\(clock.time) step \(step.number) \(step.action)")
        switch step.action {
        case .edit(let index, let edit, let isForeign):
            try self.edit(node(index), edit, "n\(step.number)", isForeign: isForeign)
        case .seal(let index):
            let node = node(index)
            try attempt(node) { try node.replica?.seal() }
            try observeSealed(node)
        case .sync(let index): try beginSync(node(index))
        case .settle(let index, let takes): try settle(node(index), takes: takes)
        case .cut(let index, let milliseconds, let requests, let replies):
            let end = clock.time + milliseconds
            let node = node(index)
            node.cutUntil = (requests ? end : 0, replies ? end : 0)
        case .kill(let machine, let calls): arm(machine) { $0.kill(atCall: Int64(calls)) }
        case .powerCut(let machine, let calls):
            arm(machine) { $0.kill(atCall: Int64(calls)) }
            health(machine).losesPower = true
        case .fail(let machine, let calls, let full):
            let code = full ? ResultCode.SQLITE_FULL : ResultCode.SQLITE_IOERR
            arm(machine) { $0.fail(call: Int64(calls), code: code.rawValue) }
        case .full(let machine, let milliseconds):
            health(machine).fullUntil = clock.time + milliseconds
            disk(machine).setCapacity(0)
        case .clock(let index, let milliseconds): node(index).shift.advance(milliseconds)
        case .copy(let index): try copy(node(index))
        case .backUp(let index):
            let node = node(index)
            try attempt(node) { try node.replica?.seal() }
            try observeSealed(node)
            guard (try? SimulatedDisk.copy(node.path, to: node.backupPath)) != nil else { return }
            node.hasBackup = true
        case .restore(let index): try restore(node(index))
        case .role(let index, let isViewer): node(index).role = isViewer ? .viewer : .editor
        case .retryQuarantine(let index):
            let node = node(index)
            try attempt(node) {
                guard let replica = node.replica else { return }
                try replica.retryQuarantine(replica.quarantine().map(\.changeSet.id))
            }
        case .discard(let index): try discard(node(index))
        }
    }

    private func node(_ index: Int) -> Node { nodes[index % nodes.count] }

    private func health(_ machine: Int) -> Health {
        machine == Scenario.server ? serverHealth : node(machine).health
    }

    private func disk(_ machine: Int) -> SimulatedMachine {
        machine == Scenario.server ? serverDisk : node(machine).disk
    }

    private func arm(_ machine: Int, _ strike: (SimulatedMachine) -> Void) {
        let health = health(machine)
        guard !health.isArmed else { return }
        health.isArmed = true
        strike(disk(machine))
    }

    func endFullDisks() {
        for (machine, health) in nodes.map({ ($0.disk, $0.health) }) + [(serverDisk, serverHealth)]
        where health.fullUntil != 0 && health.fullUntil <= clock.time {
            health.fullUntil = 0
            machine.setCapacity(nil)
        }
    }

    private func edit(
        _ node: Node, _ edit: Scenario.Edit, _ mark: String, isForeign: Bool
    ) throws {
        let sql = edit.sql(mark)
        try attempt(node) {
            guard let replica = node.replica else { return }
            guard isForeign else { return try replica.write { try $0.execute(sql: sql) } }
            let shell = try DatabaseQueue(path: node.path)
            defer { try? shell.close() }
            try shell.writeWithoutTransaction { try $0.execute(sql: sql) }
        }
        try observeSealed(node)
    }

    private func settle(_ node: Node, takes: Bool) throws {
        try attempt(node) {
            guard let replica = node.replica else { return }
            try replica.write { db in
                let row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT id, collection, record, field, other FROM conflict
                        WHERE status = 'open' ORDER BY opened_version, id LIMIT 1
                        """)
                guard let row, let record = RecordID(row[2] as String) else { return }
                let (collection, field) = (row[1] as String, row[3] as String?)
                if takes, let field, let json = row[4] as String?, let value = Value(json: json) {
                    _ = try replica.restore(db, collection, record)
                    try db.execute(
                        sql: "UPDATE \"\(collection)\" SET \"\(field)\" = ? WHERE id = ?",
                        arguments: [value.column, record.description])
                } else {
                    try replica.keep(db, collection, record, field: field)
                }
                try db.execute(
                    sql: "UPDATE conflict SET status = 'settled' WHERE id = ?",
                    arguments: [row[0] as String])
            }
        }
        try observeSealed(node)
    }

    private func copy(_ node: Node) throws {
        guard nodes.count < 8, node.replica != nil, !node.health.isFaulty(at: clock.time) else {
            return
        }
        let twin = Node("n\(nodes.count)", node.member, shift: node.shift.time)
        twin.role = node.role
        try SimulatedDisk.copy(node.path, to: twin.path)
        try twin.open(schema, clock)
        nodes.append(twin)
        try observeSealed(twin)
    }

    private func restore(_ node: Node) throws {
        guard node.hasBackup, !node.health.isFaulty(at: clock.time), let replica = node.replica
        else { return }
        // What only the overwritten file held is gone with it, as its owner wished.
        given.formUnion(try replica.outbox().map(\.changeSet.id))
        given.formUnion(try replica.quarantine().map(\.changeSet.id))
        try replica.close()
        node.run = nil
        node.request += 1
        for suffix in ["", "-wal", "-journal"] { try? SimulatedDisk.delete(node.path + suffix) }
        try SimulatedDisk.copy(node.backupPath, to: node.path)
        try node.open(schema, clock)
        try observeSealed(node)
    }

    private func discard(_ node: Node) throws {
        try attempt(node) {
            guard let replica = node.replica else { return }
            let outbox = try replica.outbox().map(\.changeSet.id)
            let quarantine = try replica.quarantine().map(\.changeSet.id)
            given.formUnion(outbox.prefix(1) + quarantine)
            try replica.discardOutbox(Array(outbox.prefix(1)))
            try replica.discardQuarantine(quarantine)
        }
    }
}
