// SPDX-License-Identifier: Apache-2.0

import SwiftProtobuf
import TingCore
import TingStore
import TingTesting
import TingWire

/// A workspace that gets hostile requests between honest ones: whatever it accepts, its members
/// end with what it holds, by their own digests (promise 2).
enum ExchangeFuzz {
    static func run(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let team = try Team(copying: Team.settled.get())
        var messages = HostileMessages(schema: team.schema, records: Team.records)
        var number: Int64 = 0
        let replica: ReplicaID = messages.id(&input)
        for _ in 0..<8 where !input.isEmpty {
            switch input.below(4) {
            case 0: try mend(&input, team)
            case 1: try giveBack(&input, team, &messages)
            case 2: try team.sync(input.below(2))
            default: try deliver(&input, team, &messages, replica, &number)
            }
        }
        for position in [0, 1, 0] {
            let outcome = try team.run(team.replicas[position], team.members[position])
            try FuzzFinding.check(
                outcome.mended == 0 && outcome.startedOver == nil,
                "member \(position) holds something else than the server")
        }
        let problems = try team.workspace.verify().problems
        try FuzzFinding.check(problems.isEmpty, problems.joined(separator: " "))
    }

    private static func deliver(
        _ input: inout FuzzInput, _ team: Team, _ messages: inout HostileMessages,
        _ replica: ReplicaID, _ number: inout Int64
    ) throws {
        let epoch = try team.epoch
        let head = try team.workspace.head().version
        var request: SyncRequest
        if input.below(4) == 0 {
            guard let message = try? Ting_V1_SyncRequest(serializedBytes: input.bytes()),
                let read = try? SyncRequest(wire: message)
            else { return }
            request = read
            request.base.epoch = epoch
        } else {
            request = SyncRequest(
                replica: replica, base: messages.base(&input, epoch, head: head),
                historyDigest: .zero, stateDigest: .zero,
                schema: input.below(4) == 0 ? Int(clamping: input.number()) : team.schema.version,
                sent: input.number(), membersVersion: input.number(),
                pageByteLimit: Int(clamping: input.number()), deliveries: [])
            for _ in 0..<input.below(3) + 1 {
                number += 1
                request.deliveries.append(
                    Delivery(
                        number: number,
                        changeSet: messages.changeSet(&input, epoch, head: head)))
            }
        }
        // As it comes over the line: what can't be written can't be sent.
        guard let sent = try? SyncRequest(wire: request.wire) else { return }
        try FuzzFinding.check(
            (try? SyncRequest(wire: request.terseWire)) == sent, "the terse form is another")
        let role = input.choose(Role.allCases)
        team.clock.advance(Int64(input.byte()))
        let member = team.members[0]
        let judgement = try team.workspace.accept(
            [.init(request: sent, member: member.id, role: role)], now: team.clock.time)[0]
        let response = try team.workspace.reply(
            to: sent, judgement: judgement, role: role, members: team.members, membersVersion: 1,
            now: team.clock.time)
        _ = try SyncResponse(wire: response.wire)
        var asked = sent
        asked.role = input.choose([nil] + Role.allCases)
        if response.saysNothingNew(to: asked) {
            try FuzzFinding.check(response.entries.isEmpty, "entries are left out")
        }
    }

    private static func mend(_ input: inout FuzzInput, _ team: Team) throws {
        var digest = StateDigest()
        for _ in 0..<input.below(4) {
            _ = digest.set(input.below(256), to: [UInt8](repeating: input.byte(), count: 32))
        }
        _ = try team.workspace.mend(
            MendRequest(
                base: Base(epoch: try team.epoch, version: input.number()),
                schema: Int(clamping: input.number()), digest: digest))
    }

    /// Entries without a receipt, and some that another's receipt was put on.
    private static func giveBack(
        _ input: inout FuzzInput, _ team: Team, _ messages: inout HostileMessages
    ) throws {
        let epoch = try team.epoch
        let head = try team.workspace.head().version
        var entries = try team.workspace.entries(since: 0, byteLimit: 10_000)
        for position in entries.indices where input.below(3) == 0 {
            entries[position].version = max(1, input.number())
            if input.flag() {
                entries[position].changeSet = messages.changeSet(&input, epoch, head: head)
            }
            entries[position].shift = input.number()
        }
        entries.sort { $0.version < $1.version }
        let request = GiveBackRequest(
            epoch: input.flag() ? epoch : messages.id(&input),
            schema: Int(clamping: input.number()), entries: entries)
        guard let sent = try? GiveBackRequest(wire: request.wire) else { return }
        _ = try team.workspace.takeBack(sent, now: team.clock.time, next: messages.id(&input))
    }
}
