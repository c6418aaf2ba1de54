// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore

/// The edits that the library has a verb for.
extension Scenario.Edit {
    /// Makes the edit inside `write`; by SQL where no verb does it.
    func make(_ replica: Replica, _ db: Database, _ mark: String) throws {
        switch self {
        case .insertProject(let index):
            try insert(
                replica, db, index,
                ["title": .text(mark), "summary": .text("\(mark) one"), "hours": .integer(2)])
        case .title(let index): try update(replica, db, index, ["title": .text(mark)])
        case .clearSummary(let index): try update(replica, db, index, ["summary": .null])
        case .status(let index, let value):
            try update(
                replica, db, index, ["status": .text(["idea", "active", "done"][value])])
        case .sensitivity(let index, let value):
            let words = ["open", "internal", "restricted"]
            try update(replica, db, index, ["sensitivity": .text(words[value])])
        case .retain(let index, let year):
            try update(replica, db, index, ["retain": .text("\(year)")])
        case .code(let index, let value):
            try update(replica, db, index, ["code": .text("C\(value)")])
        case .taskTitle(let index):
            guard let record = RecordID(Self.task(index)) else { return }
            try update(replica, db, "task", record, ["title": .text(mark)])
        case .invalid(let index):
            try update(replica, db, index, ["status": .text(mark), "title": .text(mark)])
        default: try db.execute(sql: sql(mark))
        }
    }

    private func update(
        _ replica: Replica, _ db: Database, _ index: Int, _ values: [String: Value]
    ) throws {
        guard let record = RecordID(Self.project(index)) else { return }
        try update(replica, db, "project", record, values)
    }

    /// Nothing where the record is not there, as by SQL.
    private func update(
        _ replica: Replica, _ db: Database, _ collection: String, _ record: RecordID,
        _ values: [String: Value]
    ) throws {
        do {
            try replica.update(db, collection, record, values)
        } catch ReplicaError.unknownRecord {}
    }

    private func insert(
        _ replica: Replica, _ db: Database, _ index: Int, _ values: [String: Value]
    ) throws {
        guard let record = RecordID(Self.project(index)) else { return }
        let isThere = try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM project WHERE id = ?)",
            arguments: [record.description])
        guard isThere != true else {
            return try replica.update(db, "project", record, ["title": values["title"] ?? .null])
        }
        try replica.insert(db, "project", record, values)
    }
}
