// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TingCore

/// When devices were last heard of: gathered here, and written down now and then.
final class SeenDevices: Sendable {
    private let times = Mutex<[DeviceID: Int64]>([:])

    func note(_ device: DeviceID, at time: Int64) { times.withLock { $0[device] = time } }

    /// What could not be written down is so the next time.
    func putBack(_ taken: [DeviceID: Int64]) {
        times.withLock { $0.merge(taken) { newer, _ in newer } }
    }

    /// What was gathered since the last call.
    func take() -> [DeviceID: Int64] {
        times.withLock { times in
            defer { times = [:] }
            return times
        }
    }
}
