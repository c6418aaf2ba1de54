// SPDX-License-Identifier: Apache-2.0

import GRDB
import SwiftProtobuf
import TingCore
import TingStore
import TingTesting
import TingWire

/// A replica that gets hostile answers: it may refuse them, or believe them, and keeps every
/// unsynced edit either way (promise 4).
enum AnswerFuzz {
    static func run(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let team = try Team(copying: Team.settled.get())
        var messages = HostileMessages(schema: team.schema, records: Team.records)
        let replica = team.replicas[0]
        try team.foreign(
            0, "UPDATE project SET title = 'Waste', hours = hours + 2; DELETE FROM task;")
        try replica.seal()
        let unsynced = Set(try replica.outbox().map(\.changeSet.id))
        do {
            try play(&input, team, &messages)
        } catch let finding as FuzzFinding {
            throw finding
        } catch {
            // Refused, with an error of its own.
        }
        let kept = Set(
            try replica.outbox().map(\.changeSet.id)
                + replica.quarantine().map(\.changeSet.id) + replica.acceptedIDs())
        try FuzzFinding.check(unsynced.isSubset(of: kept), "an unsynced edit is gone")
    }

    private static func play(
        _ input: inout FuzzInput, _ team: Team, _ messages: inout HostileMessages
    ) throws {
        var run = SyncRun(team.replicas[0], patience: .seconds(1))
        var action = try run.begin()
        for _ in 0..<16 where !input.isEmpty {
            switch action {
            case .send(let request):
                let response = try answer(&input, to: request, team, &messages)
                guard let read = try? SyncResponse(wire: response.wire) else { return }
                action = try run.received(read)
            case .askForMending(let request):
                var answer = try team.workspace.mend(request)
                if input.flag() { answer.head = input.number() }
                for effect in messages.effects(&input) {
                    answer.buckets[input.below(256), default: []].append(
                        RecordContent(
                            effect.collection, effect.record,
                            Dictionary(
                                uniqueKeysWithValues: effect.values.map { ($0.field, $0.value) })))
                }
                action = try run.received(answer)
            case .giveBack:
                action = try run.received(
                    GiveBackResponse(
                        epoch: messages.id(&input), head: input.number(), taken: [input.number()],
                        refused: [input.number()]))
            case .wait: action = try run.waited()
            case .fetchSnapshot, .finish, .fail: return
            }
        }
    }

    /// What the server would say, with lies.
    private static func answer(
        _ input: inout FuzzInput, to request: SyncRequest, _ team: Team,
        _ messages: inout HostileMessages
    ) throws -> SyncResponse {
        var response = try team.workspace.reply(
            to: request, judgement: Workspace.Judgement(), role: .editor, members: team.members,
            membersVersion: 1, now: team.clock.time)
        if input.below(4) == 0,
            let message = try? Ting_V1_SyncResponse(
                serializedBytes: input.bytes()), let read = try? SyncResponse(wire: message)
        {
            response = read
            if input.flag() { response.epoch = request.base.epoch }
        }
        if input.below(4) == 0 { response.head = input.number() }
        if input.below(4) == 0 { response.time = input.number() }
        if input.below(4) == 0 { response.floor = input.number() }
        if input.below(8) == 0 { response.clash = max(1, input.number()) }
        if input.below(8) == 0 { response.epoch = messages.id(&input) }
        if input.below(8) == 0 { response.digestsAgree = input.flag() }
        if input.below(8) == 0 { response.historyAgrees = input.flag() }
        if input.below(8) == 1 { response.schema = try messages.schemaText(&input) }
        for delivery in request.deliveries where input.flag() {
            response.verdicts.append(
                DeliveryVerdict(
                    number: input.flag() ? delivery.number : input.number(),
                    changeSet: input.below(4) == 0 ? messages.id(&input) : delivery.changeSet.id,
                    verdict: verdict(&input)))
        }
        for place in 0..<input.below(3) {
            response.entries.append(
                entry(&input, request, version: request.base.version + Int64(place) + 1, &messages))
        }
        return response
    }

    private static func verdict(_ input: inout FuzzInput) -> Verdict {
        switch input.below(4) {
        case 0: .applied(input.number())
        case 1: .merged(input.number())
        case 2: .rejected(input.choose(Rejection.allCases), detail: input.text())
        default: .deferred(input.choose(Deferral.allCases), detail: input.text())
        }
    }

    private static func entry(
        _ input: inout FuzzInput, _ request: SyncRequest, version: TingCore.Version,
        _ messages: inout HostileMessages
    ) -> Entry {
        let own = input.below(3) == 0 ? request.deliveries.first?.changeSet : nil
        return Entry(
            version: input.below(8) == 0 ? input.number() : version,
            changeSet: own
                ?? messages.changeSet(&input, request.base.epoch, head: request.base.version),
            author: messages.id(&input), replica: messages.id(&input), number: input.number(),
            accepted: input.number(), shift: input.number(),
            effects: input.flag() ? messages.effects(&input) : nil, receipt: input.bytes())
    }
}

extension Replica {
    fileprivate func acceptedIDs() throws -> [ChangeSetID] {
        try read { db in
            try String.fetchAll(db, sql: "SELECT change_set FROM history").compactMap {
                ChangeSetID($0)
            }
        }
    }
}
