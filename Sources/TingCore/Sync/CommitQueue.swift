// SPDX-License-Identifier: Apache-2.0

/// The server's end of a sync: decides which submissions are judged together.
///
/// What arrives while a transaction is written waits for the next one: many change sets, one fsync.
/// Facts in, steps out; a ticket stands for one submission.
public struct CommitQueue<Ticket: Sendable>: Sendable {
    public enum Fact: Sendable {
        case arrived(Ticket, deliveries: Int)
        /// The transaction is on disk.
        case committed
        /// It could not be written, and nothing of it is: `all` says that no submission can be.
        case failed(all: Bool)
    }

    public enum Step: Sendable {
        /// Judge these in one transaction, then tell `.committed` or `.failed`.
        case judge([Ticket])
        /// Their judgement is on disk: answer them.
        case answer([Ticket])
        /// They can't be judged now: say so.
        case refuse([Ticket])
    }

    private var waiting: [(ticket: Ticket, deliveries: Int)] = []
    private var writing: [Ticket] = []
    /// Those of a failed transaction, to be judged one at a time: one alone shall fail.
    private var singles: [Ticket] = []
    private let deliveryLimit: Int

    /// - Parameter deliveryLimit: As much as one transaction should hold: it keeps later ones waiting.
    public init(deliveryLimit: Int = Limits.deliveryLimit) { self.deliveryLimit = deliveryLimit }

    /// Whether nothing is being written, and nothing waits to be.
    public var isIdle: Bool { writing.isEmpty && waiting.isEmpty && singles.isEmpty }

    public mutating func step(_ fact: Fact) -> [Step] {
        switch fact {
        case .arrived(let ticket, let deliveries):
            waiting.append((ticket, deliveries))
            return writing.isEmpty ? next() : []
        case .committed:
            let done = writing
            return [.answer(done)] + nextAfterWriting()
        case .failed(let all):
            let failed = writing
            if !all, failed.count > 1 {
                singles = failed
                return nextAfterWriting()
            }
            return [.refuse(failed)] + nextAfterWriting()
        }
    }

    private mutating func nextAfterWriting() -> [Step] {
        writing = []
        return next()
    }

    private mutating func next() -> [Step] {
        if !singles.isEmpty {
            writing = [singles.removeFirst()]
        } else {
            writing = takeBatch()
        }
        return writing.isEmpty ? [] : [.judge(writing)]
    }

    private mutating func takeBatch() -> [Ticket] {
        var deliveries = 0
        let end =
            waiting.firstIndex { one in
                deliveries += one.deliveries
                return deliveries > deliveryLimit
            } ?? waiting.count
        let batch = waiting.prefix(max(1, end)).map(\.ticket)
        waiting.removeFirst(batch.count)
        return batch
    }
}
