// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// What the run has come to, apart from ids and times that are drawn: equal for two runs that went
/// the same way.
struct Shape: Equatable {
    var lines: [String]

    /// What of it is on one machine.
    func part(_ machine: SimulatedMachine) -> Shape {
        Shape(lines: lines.filter { $0.hasPrefix(machine.name + " ") })
    }

    /// The first line that one has and the other lacks.
    func difference(from other: Shape) -> String {
        let (own, others) = (Set(lines), Set(other.lines))
        let surplus = lines.first { !others.contains($0) }
        let missing = other.lines.first { !own.contains($0) }
        return "has \(surplus ?? "no more"), lacks \(missing ?? "nothing")"
    }
}

extension PointsWorld {
    func shape() throws -> Shape {
        Shape(lines: try machines.flatMap { try shape(of: $0).lines })
    }

    func shape(of machine: SimulatedMachine) throws -> Shape {
        if machine == server { return Shape(lines: try serverLines()) }
        return Shape(lines: try Place(rawValue: machine.name).map(lines) ?? [])
    }

    private func serverLines() throws -> [String] {
        let workspace = try openWorkspace()
        let head = try workspace.head().version
        let entries = try workspace.entries(since: max(0, head - 20), byteLimit: .max)
        return try ["server version \(head)"] + lines("server", workspace.contents())
            + entries.map { entry in
                "server entry \(entry.version) \(entry.effects == nil) \(Self.text(entry.changeSet))"
            }
    }

    private func lines(_ place: Place) throws -> [String] {
        let replica = try replica(place)
        let (version, invalid) = try replica.read { db in
            (
                try Version.fetchOne(db, sql: "SELECT version FROM ting_replica") ?? -1,
                try String.fetchAll(
                    db, sql: "SELECT record || '/' || field FROM ting_invalid ORDER BY 1")
            )
        }
        var lines = ["\(place) version \(version)", "\(place) invalid \(invalid)"]
        lines += try self.lines("\(place)", replica.contents())
        lines += try replica.outbox().map { "\(place) outbox \(Self.text($0.changeSet))" }
        lines += try replica.quarantine().map {
            "\(place) quarantine \($0.code) \(Self.text($0.changeSet))"
        }.sorted()
        return lines
    }

    private func lines(_ owner: String, _ rows: [RecordContent]) -> [String] {
        rows.map { row in
            let isConflict = row.collection == CollectionSchema.conflict.name
            let values = row.values.keys.sortedByBytes.map { "\($0)=\(row.values[$0]?.json ?? "")" }
            return "\(owner) row \(row.collection) \(isConflict ? "" : row.record.description) "
                + values.joined(separator: " ")
        }.sorted()
    }

    /// A change set without its id, seed and times.
    private static func text(_ changeSet: ChangeSet) -> String {
        changeSet.operations.map { operation in
            let isConflict = operation.collection == CollectionSchema.conflict.name
            let fields = operation.fields.map {
                "\($0.field):\($0.before.json)>\($0.after.json)"
            }
            return "\(operation.kind) \(isConflict ? "conflict" : operation.record.description) "
                + fields.joined(separator: " ")
        }.sorted().joined(separator: "; ")
    }

    // MARK: What must not get lost

    /// Every change set that is anywhere: in an outbox, a quarantine or a history.
    func changeSets() throws -> Set<ChangeSetID> {
        var found: Set<ChangeSetID> = []
        for place in Place.allCases {
            let ids = try replica(place).read { db in
                try String.fetchAll(
                    db,
                    sql: """
                        SELECT change_set FROM ting_outbox
                        UNION ALL SELECT change_set FROM ting_quarantine
                        UNION ALL SELECT change_set FROM history
                        """)
            }
            found.formUnion(ids.compactMap { ChangeSetID($0) })
        }
        return found.union(try accepted())
    }

    /// Those that the server holds.
    func accepted() throws -> Set<ChangeSetID> {
        var ids: Set<ChangeSetID> = []
        try openWorkspace().tamper { db in
            for id in try String.fetchAll(db, sql: "SELECT change_set FROM history") {
                if let id = ChangeSetID(id) { ids.insert(id) }
            }
        }
        return ids
    }

    /// Checks that the change sets are somewhere, unless their authors gave them up.
    func checkNothingLost(_ known: Set<ChangeSetID>) throws {
        let lost = known.subtracting(try changeSets()).subtracting(memory.given)
        guard lost.isEmpty else {
            throw Broken(
                .lost, "\(lost.count) change sets are nowhere, \(lost.min()?.description ?? "")")
        }
    }

    /// Whether the machine's file gives the digests that it reports. A copy is asked, so that
    /// nothing is sealed by it.
    func isSound(_ machine: SimulatedMachine) throws -> Bool {
        SimulatedMachine("check").clear()
        if machine == server {
            try SimulatedDisk.copy(Self.workspacePath, to: "check/workspace.sqlite")
            let workspace = try Workspace(path: "check/workspace.sqlite", schema: schema)
            defer { try? workspace.close() }
            return try workspace.verify().problems.isEmpty
        }
        guard let place = Place(rawValue: machine.name) else { return true }
        return try isSound(path(place))
    }

    private func isSound(_ file: String) throws -> Bool {
        try SimulatedDisk.copy(file, to: "check/replica.sqlite")
        let replica = try Replica(
            path: "check/replica.sqlite", schema: schema, clock: { [clock] in clock.time })
        defer { try? replica.close() }
        return try replica.verify().matches
    }

    /// A backup that was reported done is a replica as sound as the one it was made of.
    func checkBackup(_ place: Place) throws {
        SimulatedMachine("check").clear()
        do {
            let original = try isSound(path(place))
            SimulatedMachine("check").clear()
            guard try isSound("\(place)/backup.sqlite") == original else {
                throw Broken(.different, "the backup of \(place) differs")
            }
        } catch let error as DatabaseError {
            throw Broken(.lost, "the backup of \(place) can't be read: \(error)")
        } catch let error as SimulatedDiskError {
            throw Broken(.lost, "the backup of \(place) is not there: \(error)")
        }
    }
}
