// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingClient
import TingCore
import TingStore
import TingWire

/// What a replica does by itself: sealing, and what goes with a rejected change set.
enum ReplicaVectors {
    static func dependents(_ input: JSONNode, _ expect: JSONNode) throws {
        var stopped = try input.node("rejected").changeSet().touched
        var found: [String] = []
        for later in try input.list("later").map({ try $0.changeSet() })
        where !later.concerned.isDisjoint(with: stopped) {
            stopped.formUnion(later.touched)
            found.append(later.id.description)
        }
        #expect(found == expect.texts("depends"))
    }

    /// Edits are made in a real replica; what others wrote is integrated while its outbox waits.
    static func sealing(_ input: JSONNode, _ expect: JSONNode) throws {
        let workspace = try VectorWorkspace(epoch: input.id("epoch"))
        let path = workspace.folder.appending(path: "replica.sqlite").path
        _ = try workspace.file.writeSnapshot(to: path)
        let replica = try Replica.adopt(
            snapshot: path, server: "", member: nil, schema: VectorWorkspace.schema,
            clock: { 1_750_000_000_000 })
        for (place, step) in input.list("steps").enumerated() {
            if let changeSet = step.object["integrate"] {
                try accept(changeSet, as: place + 1, in: workspace)
                try integrate(replica, from: workspace)
            } else {
                try replica.write { db in
                    for edit in step.list("edit") { try carryOut(edit, replica, db) }
                }
            }
        }
        let sealed = try replica.outbox().map(\.changeSet)
        #expect(sealed.count == expect.list("sealed").count)
        for (changeSet, node) in zip(sealed, expect.list("sealed")) {
            let wire = changeSet.wire
            #expect(wire.base == (try node.node("base").message()))
            #expect(
                wire.operations.map(\.withoutTimes)
                    == (try node.list("operations").map { try $0.message() }))
            let seen = try need(node.object["seen"] as? [Int])
            #expect(changeSet.seen == seen.map { sealed[$0].hash })
        }
        try replica.close()
    }

    private static func accept(
        _ changeSet: Any, as number: Int, in workspace: VectorWorkspace
    ) throws {
        let exchange: [String: Any] = [
            "member": "bbbbbbbb-0000-4000-8000-000000000002", "role": "editor",
            "replica": "bbbbbbbb-0000-7000-8000-000000000002", "at": "1750000000000",
            "sent": "1750000000000",
            "deliveries": [["number": String(number), "change_set": changeSet]],
        ]
        let response = try workspace.deliver(JSONNode(exchange))
        #expect(response.verdicts.map { $0.verdict.version != nil } == [true])
    }

    /// Takes in what is new, and sends nothing.
    private static func integrate(_ replica: Replica, from workspace: VectorWorkspace) throws {
        var request = try replica.nextRequest()
        request.deliveries = []
        let response = try workspace.answer(
            to: request, of: need(MemberID("aaaaaaaa-0000-4000-8000-000000000001")),
            at: 1_750_000_000_000)
        var summary = IntegrateSummary()
        try replica.integrate(response, to: request, into: &summary)
    }

    private static func carryOut(_ edit: JSONNode, _ replica: Replica, _ db: Database) throws {
        let collection = try need(
            edit["collection"].flatMap { VectorWorkspace.schema.collection($0) })
        let record: RecordID = try edit.id("record")
        let values = try Dictionary(
            uniqueKeysWithValues: edit.list("fields").map {
                (try need($0["field"]), try $0.value("after"))
            })
        switch edit["kind"] {
        case "insert": try replica.insert(db, collection.name, record, values)
        case "update": try replica.update(db, collection.name, record, values)
        case "delete": try replica.delete(db, collection.name, record)
        case "restore": try replica.restore(db, collection.name, record)
        default: throw Missing()
        }
    }
}

extension Ting_V1_Operation {
    fileprivate var withoutTimes: Self {
        var bare = self
        bare.clearTime()
        bare.fields = fields.map { field in
            var bare = field
            bare.clearTime()
            return bare
        }
        return bare
    }
}
