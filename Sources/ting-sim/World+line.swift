// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore
import TingTesting

/// Syncs over the simulated line.
extension World {
    /// What a replica asks of the server.
    enum Message {
        case sync(SyncRequest)
        case mend(MendRequest)
        case giveBack(GiveBackRequest)
        case snapshot

        /// Whether a sync tries again by itself where no answer comes; others end it.
    }

    enum Reply {
        /// Whether the server named a clash, whatever the line made of it.
        case sync(SyncResponse, clashes: Bool)
        case mend(MendResponse)
        case giveBack(GiveBackResponse)
        /// A snapshot lies at this path on the server.
        case snapshot(String)
        case refused
    }

    /// Begins a sync, unless one is under way.
    func beginSync(_ node: Node) throws {
        guard let replica = node.replica, node.run == nil else { return }
        node.run = SyncRun(
            replica, patience: .seconds(8),
            leavesDigest: scenario.leavesDigest == true && !node.hasSynced)
        node.isToldOfCopy = false
        node.isToldOfStart = false
        try proceed(node) { run, _ in try run.begin() }
    }

    func receive(_ reply: Reply, _ node: Node) throws {
        let name = try? node.replica?.identity().replica
        try proceed(node) { run, jitter in try step(&run, reply, node, jitter) }
        if case .sync(_, clashes: true) = reply, !node.health.isFaulty(at: clock.time),
            node.run != nil, try name == node.replica?.identity().replica
        {
            throw Broken(.wrong, "\(node.machine) is a copy, and its owner is not told")
        }
        if let bug { try attempt(node) { try bug.afterIntegrating(node, &random) } }
        try checkView(node)
    }

    /// Takes what came into the sync under way.
    func step(
        _ run: inout SyncRun, _ reply: Reply, _ node: Node, _ jitter: Double
    ) throws -> SyncRun.Action {
        switch reply {
        case .sync(let response, _):
            return try run.received(response)
        case .mend(let response): return try run.received(response)
        case .giveBack(let response):
            counts.givenBack += response.taken.count
            return try run.received(response)
        case .snapshot(let path):
            let copy = "\(node.machine)/snapshot.sqlite"
            try SimulatedDisk.copy(path, to: copy)
            defer { try? SimulatedDisk.delete(copy) }
            let old = try node.replica?.identity().base.epoch
            let before = try node.replica.flatMap { states[try digest($0)] }
            let action = try run.startOver(from: copy)
            if let before, try node.replica?.identity().base.epoch != old {
                try checkGone(node, before: before)
            }
            if let old { try bug?.afterStartingOver(node, from: old, &random) }
            return action
        case .refused: return try run.notAnswered(jitter: jitter)
        }
    }

    /// Counts what a sync tells its owner: that the file is a copy, and that it started over.
    func note(_ outcome: SyncOutcome, _ node: Node) throws {
        if outcome.summary.renamed, !node.isToldOfCopy {
            node.isToldOfCopy = true
            node.renames += 1
            counts.copiesFound += 1
            guard node.renames <= node.copies else {
                throw Broken(.wrong, "\(node.machine) takes a new name \(node.renames) times")
            }
        }
        if outcome.startedOver != nil, !node.isToldOfStart {
            node.isToldOfStart = true
            node.startOvers += 1
            node.startOversInAnHour += 1
            counts.startOvers += 1
        }
    }

    func proceed(
        _ node: Node, _ step: (inout SyncRun, Double) throws -> SyncRun.Action
    ) throws {
        node.request += 1
        let number = node.request
        let jitter = Double.random(in: 0..<1, using: &random)
        var action: SyncRun.Action?
        try attempt(node) {
            guard var run = node.run else { return }
            // Kept also when the step throws: what it had come to by then counts.
            defer { node.run = node.run == nil ? nil : run }
            action = try step(&run, jitter)
            try note(run.outcome, node)
        }
        guard let action, node.run != nil else {
            node.run = nil
            return
        }
        try observeSealed(node)
        switch action {
        case .send(let request): transmit(.sync(request), node, number)
        case .askForMending(let request):
            // No disk of the simulator's rots: what has to be mended was wrong.
            throw Broken(.different, "\(node.machine) had to be mended at \(request.base.version)")
        case .giveBack(let request): transmit(.giveBack(request), node, number)
        case .fetchSnapshot: transmit(.snapshot, node, number)
        case .wait(let duration):
            schedule(clock.time + duration.milliseconds, .wake(node, number))
        case .finish: (node.run, node.hasSynced) = (nil, true)
        case .fail(.notAnswered): node.run = nil
        case .fail(.startsOverAgain) where replacements > 0: node.run = nil
        case .fail(let failure): throw Broken(.stuck, "\(node.machine): \(failure)")
        }
    }

    private func transmit(_ message: Message, _ node: Node, _ number: Int) {
        let message = onTheLine(message)
        schedule(clock.time + 3_000, .timeout(node, number))
        guard node.cutUntil.requests <= clock.time, !happens(scenario.network.requestLoss) else {
            return
        }
        for _ in 0...(happens(scenario.network.duplication) ? 1 : 0) {
            schedule(clock.time + delay(), .request(node, number, message))
        }
    }

    /// The message as it leaves: pages are as small as the scenario wants them.
    func onTheLine(_ message: Message) -> Message {
        switch message {
        case .sync(var request):
            if hasFaults { request.pageByteLimit = scenario.network.pageByteLimit }
            bug?.change(&request, &random)
            return .sync(request)
        case .giveBack(var request):
            let isSmall = hasFaults && scenario.network.pageByteLimit < 1_000
            if isSmall { request.entries = Array(request.entries.prefix(2)) }
            return .giveBack(request)
        case .mend, .snapshot: return message
        }
    }

    func arrive(_ message: Message, _ node: Node, _ number: Int) throws {
        let head = oracle.version
        guard let reply = try answer(node, message) else { return }
        guard node.cutUntil.replies <= clock.time, !happens(scenario.network.replyLoss) else {
            counts.repliesLost += oracle.version > head ? 1 : 0
            return
        }
        for _ in 0...(happens(scenario.network.duplication) ? 1 : 0) {
            schedule(clock.time + delay(), .reply(node, number, reply))
        }
    }
}
