// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@testable import TingClient

@Suite("Waiting before trying again")
struct BackoffTests {
    @Test("doubles from 1 s to at most 5 min")
    func doubles() {
        var backoff = Backoff()
        let waits = (1...11).map { _ in backoff.failed(jitter: 0) }
        #expect(waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map { .seconds($0) })
    }

    @Test("is shortened by jitter, never below a half")
    func jitter() {
        var backoff = Backoff()
        #expect(backoff.failed(jitter: 1) == .milliseconds(500))
        #expect(backoff.failed(jitter: 7) == .seconds(1))
    }

    @Test("starts over once the line works")
    func startsOver() {
        var backoff = Backoff()
        _ = backoff.failed(jitter: 0)
        _ = backoff.failed(jitter: 0)
        backoff.succeeded()
        #expect(backoff.failed(jitter: 0) == .seconds(1))
    }
}
