// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// What people do to their replicas, by Ting's verbs and by any SQLite tool.
extension World {
    /// Does something to a node's replica, then looks at what is shown there.
    func act(_ node: Node, _ body: (Replica) throws -> Void) throws {
        try attempt(node) {
            guard let replica = node.replica else { return }
            try body(replica)
        }
        try observeSealed(node)
        try checkView(node)
    }

    func edit(_ node: Node, _ edit: Scenario.Edit, _ mark: String, isForeign: Bool) throws {
        try act(node) { replica in
            guard isForeign else { return try replica.write { try edit.make(replica, $0, mark) } }
            try foreign(node) { try $0.execute(sql: edit.sql(mark)) }
        }
    }

    /// What a tool does that knows nothing of Ting.
    private func foreign(_ node: Node, _ body: (Database) throws -> Void) throws {
        let shell = try DatabaseQueue(path: node.path)
        defer { try? shell.close() }
        try shell.writeWithoutTransaction(body)
    }

    func delete(_ node: Node, _ project: Int) throws {
        try act(node) { replica in
            try replica.write { db in
                guard let record = RecordID(Scenario.Edit.project(project)) else { return }
                try replica.delete(db, "project", record)
            }
        }
    }

    func bringBack(_ node: Node, _ project: Int) throws {
        try act(node) { replica in
            try replica.write { db in
                guard let record = RecordID(Scenario.Edit.project(project)) else { return }
                try replica.restore(db, "project", record)
            }
        }
    }

    /// Settles the oldest open conflict.
    func settle(_ node: Node, _ how: Scenario.Settling, _ mark: String) throws {
        try act(node) { replica in
            try replica.write { db in
                let row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT id, collection, record, field, other FROM conflict
                        WHERE status = 'open' ORDER BY opened_version, id LIMIT 1
                        """)
                guard let row else { return }
                try self.settle(replica, db, row, how, mark)
            }
        }
    }

    private func settle(
        _ replica: Replica, _ db: Database, _ row: Row, _ how: Scenario.Settling, _ mark: String
    ) throws {
        guard let record = RecordID(row[2] as String) else { return }
        let (id, collection) = (row[0] as String, row[1] as String)
        let field = row[3] as String?
        let other = (row[4] as String?).flatMap { Value(json: $0) }
        switch (how, field) {
        case (.remove, _):
            return try db.execute(sql: "DELETE FROM conflict WHERE id = ?", arguments: [id])
        case (.take, let field?) where other != nil:
            _ = try replica.restore(db, collection, record)
            try db.execute(
                sql: "UPDATE \"\(collection)\" SET \"\(field)\" = ? WHERE id = ?",
                arguments: [other?.column, record.description])
        case (.value, "title"?), (.value, "summary"?):
            _ = try replica.restore(db, collection, record)
            try db.execute(
                sql: "UPDATE \"\(collection)\" SET \"\(field ?? "")\" = ? WHERE id = ?",
                arguments: [mark, record.description])
        default: try replica.keep(db, collection, record, field: field)
        }
        try db.execute(
            sql: "UPDATE conflict SET status = 'settled' WHERE id = ?", arguments: [id])
    }

    /// Undoes one of the newest change sets, as far as its fields are still what it made them.
    func revert(_ node: Node, _ place: Int) throws {
        try act(node) { replica in
            let newest = try replica.history(of: nil, limit: place + 1)
            guard place < newest.count else { return }
            try replica.write { db in
                for operation in newest[place].changeSet.operations.reversed()
                where operation.collection != CollectionSchema.conflict.name {
                    try self.undo(operation, replica, db)
                }
            }
        }
    }

    private func undo(
        _ operation: TingCore.Operation, _ replica: Replica, _ db: Database
    ) throws {
        switch operation.kind {
        case .insert, .restore: try replica.delete(db, operation.collection, operation.record)
        case .delete: try replica.restore(db, operation.collection, operation.record)
        case .update:
            for edit in operation.fields {
                try db.execute(
                    sql: """
                        UPDATE "\(operation.collection)" SET "\(edit.field)" = ?
                        WHERE id = ? AND "\(edit.field)" IS ?
                        """,
                    arguments: [
                        edit.before.column, operation.record.description, edit.after.column,
                    ]
                )
            }
        }
    }

    // MARK: A tool that knows only what it read long ago

    func remember(_ node: Node) throws {
        try act(node) { replica in
            node.remembered = try replica.read { db in
                try Row.fetchAll(
                    db,
                    sql: """
                        SELECT quote(id), quote(title), quote(summary), quote(status),
                        quote(partners), quote(hours) FROM project
                        """
                ).map { row in
                    let values = (0..<6).map { row[$0] as String }.joined(separator: ", ")
                    return """
                        INSERT INTO project (id, title, summary, status, partners, hours)
                        VALUES (\(values)) ON CONFLICT (id) DO UPDATE SET
                        title = excluded.title, summary = excluded.summary,
                        status = excluded.status, partners = excluded.partners,
                        hours = excluded.hours
                        """
                }
            }
        }
    }

    func writeBack(_ node: Node) throws {
        try act(node) { _ in
            try self.foreign(node) { db in
                for sql in node.remembered.prefix(1) { try db.execute(sql: sql) }
            }
        }
    }

    // MARK: Outbox and quarantine

    func discard(_ node: Node, _ place: Int) throws {
        try act(node) { replica in
            let outbox = try replica.outbox().map(\.changeSet.id)
            let unwanted = outbox.isEmpty ? [] : [outbox[place % outbox.count]]
            let quarantine = try replica.quarantine().map(\.changeSet.id)
            giveUp(unwanted + quarantine, node)
            try replica.discardOutbox(unwanted)
            try replica.discardQuarantine(quarantine)
        }
    }

    /// Makes the edits of a rejected change set again, and discards it.
    func amendQuarantine(_ node: Node, _ mark: String) throws {
        try act(node) { replica in
            guard let rejected = try replica.quarantine().first?.changeSet else { return }
            try replica.write { db in
                for operation in rejected.operations where operation.collection == "project" {
                    try db.execute(
                        sql: Scenario.Edit.again(operation.record.description, mark))
                }
            }
            giveUp([rejected.id], node)
            try replica.discardQuarantine([rejected.id])
        }
    }

    private func giveUp(_ ids: [ChangeSetID], _ node: Node) {
        given.formUnion(ids)
        node.holds.subtract(ids)
    }

    /// What is exported reads back as it was.
    func export(_ node: Node) throws {
        try act(node) { replica in
            let waiting =
                try replica.outbox().map(\.changeSet) + replica.quarantine().map(\.changeSet)
            for changeSet in waiting {
                guard try ChangeSet(storedBytes: changeSet.storedBytes) == changeSet else {
                    throw Broken(.wrong, "\(changeSet.id) is exported otherwise")
                }
            }
        }
    }
}
