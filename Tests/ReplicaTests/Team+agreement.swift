// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore
import TingStore
import TingTesting

extension Team {
    /// Has everybody sync, and expects that all hold the same, sound and sent.
    func expectAgreement(after rounds: Int = 2) throws {
        for _ in 0..<rounds { for position in replicas.indices { try sync(position) } }
        for replica in replicas {
            #expect(try replica.verify().matches)
            let status = try replica.status()
            #expect(try status.digest == workspace.head().state)
            #expect(status.outbox == 0)
            #expect(try status.epoch == workspace.epoch)
        }
        #expect(try workspace.verify().problems == [])
    }
}
