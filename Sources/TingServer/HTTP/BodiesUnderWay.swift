// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Synchronization
import TingCore
import TingWire

/// Bounds the bytes of bodies that are read or judged at a time, of each device and of all: a few
/// large ones at once must not take all memory.
///
/// The first `Limits.smallRequestByteLimit` of each are free, so that what is large keeps out what is
/// large, and nothing else.
final class BodiesUnderWay: Sendable {
    private struct State {
        var all = 0
        var devices: [DeviceID: Int] = [:]
    }

    private let limit: Int
    private let deviceLimit: Int
    private let state = Mutex(State())

    init(_ bounds: ServerBounds) {
        limit = bounds.bodyBytes
        deviceLimit = bounds.deviceBodyBytes
    }

    fileprivate func take(_ bytes: Int, for device: DeviceID) throws(Refusal) {
        let refusal: Refusal? = state.withLock { state in
            guard state.devices[device, default: 0] + bytes <= deviceLimit else {
                return .deviceBodies
            }
            guard state.all + bytes <= limit else { return .bodies }
            state.all += bytes
            state.devices[device, default: 0] += bytes
            return nil
        }
        if let refusal { throw refusal }
    }

    fileprivate func giveBack(_ bytes: Int, of device: DeviceID) {
        state.withLock { state in
            state.all -= bytes
            let left = state.devices[device, default: bytes] - bytes
            state.devices[device] = left > 0 ? left : nil
        }
    }
}

/// What one request takes of them, until it is answered.
final class BodyShare: Sendable {
    private struct Taken {
        var bytes = 0
        var device: DeviceID?
    }

    private let bodies: BodiesUnderWay
    private let taken = Mutex(Taken())

    init(_ bodies: BodiesUnderWay) { self.bodies = bodies }

    /// Whether the body is so large that no task should work on it.
    var isLarge: Bool { taken.withLock { $0.bytes > 0 } }

    /// The body has, or will have, so many bytes.
    func grow(to size: Int, for device: DeviceID) throws {
        try taken.withLock { taken in
            let more = size - Limits.smallRequestByteLimit - taken.bytes
            guard more > 0 else { return }
            try bodies.take(more, for: device)
            taken.bytes += more
            taken.device = device
        }
    }

    func end() {
        taken.withLock { taken in
            guard let device = taken.device else { return }
            bodies.giveBack(taken.bytes, of: device)
            taken = Taken()
        }
    }
}

extension Refusal {
    fileprivate static let bodies = Refusal(
        .unavailable, "The server reads as many large bodies as it can hold.", headers: soon)

    fileprivate static let deviceBodies = Refusal(
        .tooManyRequests, "This device sends too many large bodies at once.", headers: soon)

    private static let soon = [
        HTTPField(name: .retryAfter, value: "2"), HTTPField(name: .connection, value: "close"),
    ]
}
