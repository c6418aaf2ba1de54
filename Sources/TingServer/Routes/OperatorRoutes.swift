// SPDX-License-Identifier: Apache-2.0

import GRDB
import HTTPTypes
import HummingbirdCore
import TingCore
import TingStore
import TingWire

/// What a load balancer and a monitor ask. No account is needed; nothing of a workspace is told.
extension API {
    /// `GET /readyz`: whether requests are taken, and what they bring can be written.
    func readiness() async throws -> Response {
        guard !requests.isDraining else { throw Refusal.stopping }
        do {
            try await workers.run { [accounts, disk] in
                try accounts.check()
                try disk.check(accounts.database.path + "-probe")
            }
        } catch  where isStorageFull(error) {
            throw Refusal(.unavailable, "The server's disk is full.")
        } catch is DiskProbe.Stalled {
            throw Refusal(.unavailable, "The server's disk does not answer.")
        } catch is FileFailure {
            throw Refusal(.unavailable, "The data folder can't be written.")
        } catch {
            throw Refusal(.unavailable, "The accounts can't be written.")
        }
        return Answer.text("ready\n")
    }

    /// `GET /metrics`
    func measurements() async -> Response {
        Answer.text(
            metrics.text(gauges: await gauges()), type: "text/plain; version=0.0.4; charset=utf-8")
    }
}
