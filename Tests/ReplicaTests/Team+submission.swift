// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore
import TingTesting

/// What no replica of ours would seal, and others may.
extension Team {
    /// A change set of these operations, made on a version of the present epoch.
    func changeSet(
        _ number: UInt64, on version: Version, _ operations: [TingCore.Operation]
    ) throws -> ChangeSet {
        try ChangeSet(
            id: ChangeSetID(high: 0x4000, low: number), seed: Array(repeating: 0, count: 16),
            schema: schema.version, base: Base(epoch: workspace.epoch, version: version),
            time: clock.time, operations: operations)
    }

    /// Has the server, and its twin, judge a change set that the first member sends under a new replica id.
    @discardableResult
    func submit(_ changeSet: ChangeSet) throws -> Verdict? {
        var generator = SystemRandomNumberGenerator()
        var request = try replicas[0].nextRequest(after: .max)
        request.replica = .random(using: &generator)
        request.deliveries = [Delivery(number: 1, changeSet: changeSet)]
        let submission = Workspace.Submission(
            request: request, member: members[0].id, role: .editor)
        let judgement = try workspace.accept([submission], now: clock.time)[0]
        if let twin {
            let other = try twin.accept([submission], now: clock.time)[0]
            guard other.verdicts == judgement.verdicts else {
                throw TeamError.differ("\(judgement.verdicts), the twin \(other.verdicts)")
            }
        }
        return judgement.verdicts.first?.verdict
    }
}
