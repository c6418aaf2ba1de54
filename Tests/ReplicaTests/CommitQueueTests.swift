// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@Suite("Which submissions are judged together")
struct CommitQueueTests {
    private func tickets(_ steps: [CommitQueue<Int>.Step]) -> [String] {
        steps.map { step in
            switch step {
            case .judge(let tickets): "judge \(tickets)"
            case .answer(let tickets): "answer \(tickets)"
            case .refuse(let tickets): "refuse \(tickets)"
            }
        }
    }

    @Test("what arrives while one is written is judged together after it")
    func together() {
        var queue = CommitQueue<Int>()
        #expect(tickets(queue.step(.arrived(1, deliveries: 1))) == ["judge [1]"])
        #expect(tickets(queue.step(.arrived(2, deliveries: 1))) == [])
        #expect(tickets(queue.step(.arrived(3, deliveries: 1))) == [])
        #expect(tickets(queue.step(.committed)) == ["answer [1]", "judge [2, 3]"])
        #expect(tickets(queue.step(.committed)) == ["answer [2, 3]"])
        #expect(tickets(queue.step(.arrived(4, deliveries: 1))) == ["judge [4]"])
    }

    @Test("one transaction takes no more than its limit, and at least one")
    func limit() {
        var queue = CommitQueue<Int>(deliveryLimit: 10)
        #expect(tickets(queue.step(.arrived(1, deliveries: 50))) == ["judge [1]"])
        _ = queue.step(.arrived(2, deliveries: 6))
        _ = queue.step(.arrived(3, deliveries: 6))
        #expect(tickets(queue.step(.committed)) == ["answer [1]", "judge [2]"])
        #expect(tickets(queue.step(.committed)) == ["answer [2]", "judge [3]"])
    }

    @Test("of a batch that fails, each is judged alone, and only the one that can't be is refused")
    func failing() {
        var queue = CommitQueue<Int>()
        _ = queue.step(.arrived(1, deliveries: 1))
        _ = queue.step(.arrived(2, deliveries: 1))
        _ = queue.step(.arrived(3, deliveries: 1))
        _ = queue.step(.committed)
        #expect(tickets(queue.step(.failed(all: false))) == ["judge [2]"])
        #expect(tickets(queue.step(.failed(all: false))) == ["refuse [2]", "judge [3]"])
        #expect(tickets(queue.step(.committed)) == ["answer [3]"])
    }

    @Test("a full disk refuses the whole batch at once")
    func full() {
        var queue = CommitQueue<Int>()
        _ = queue.step(.arrived(1, deliveries: 1))
        _ = queue.step(.arrived(2, deliveries: 1))
        _ = queue.step(.arrived(3, deliveries: 1))
        #expect(tickets(queue.step(.failed(all: true))) == ["refuse [1]", "judge [2, 3]"])
    }
}
