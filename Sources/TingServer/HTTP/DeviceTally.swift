// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TingCore

/// Bounds how much of something devices hold at a time: each of them, and all together.
final class DeviceTally: Sendable {
    private struct State {
        var all = 0
        var devices: [DeviceID: Int] = [:]
    }

    private let limit: Int
    private let deviceLimit: Int
    private let full: Refusal
    private let deviceFull: Refusal
    private let state = Mutex(State())

    /// - Parameters:
    ///   - full: What who comes then hears.
    ///   - deviceFull: The same of a device that has its part.
    init(_ limit: Int, each deviceLimit: Int, full: Refusal, deviceFull: Refusal) {
        self.limit = limit
        self.deviceLimit = deviceLimit
        self.full = full
        self.deviceFull = deviceFull
    }

    func take(_ amount: Int, for device: DeviceID) throws(Refusal) {
        let refusal: Refusal? = state.withLock { state in
            guard state.devices[device, default: 0] + amount <= deviceLimit else {
                return deviceFull
            }
            guard state.all + amount <= limit else { return full }
            state.all += amount
            state.devices[device, default: 0] += amount
            return nil
        }
        if let refusal { throw refusal }
    }

    func giveBack(_ amount: Int, of device: DeviceID) {
        state.withLock { state in
            state.all -= amount
            let left = state.devices[device, default: amount] - amount
            state.devices[device] = left > 0 ? left : nil
        }
    }

    /// The same, given back when nobody holds the share any more.
    func share(_ amount: Int, for device: DeviceID) throws(Refusal) -> Share {
        try take(amount, for: device)
        return Share(self, amount, device)
    }

    final class Share: Sendable {
        private let tally: DeviceTally
        private let amount: Int
        private let device: DeviceID

        fileprivate init(_ tally: DeviceTally, _ amount: Int, _ device: DeviceID) {
            (self.tally, self.amount, self.device) = (tally, amount, device)
        }

        deinit { tally.giveBack(amount, of: device) }
    }
}
