// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOHTTP1
import TingCore
import TingWire

/// A device of the caller, as the server lists it. Times in milliseconds since 1970.
public struct DeviceSummary: Equatable, Sendable {
    public var id: String
    public var name: String
    public var created: Int64
    /// `nil` before its first request.
    public var lastSeen: Int64?
    /// Whether it is this one.
    public var isCurrent: Bool
}

extension ServerConnection {
    /// The caller's devices that may still act.
    /// - Throws: `ClientError`.
    public func devices() async throws -> [DeviceSummary] {
        let answer = try await call(
            Request(.GET, "/v1/devices", headers: Self.versions()),
            as: Ting_V1_DevicesResponse.self)
        return answer.devices.map { device in
            DeviceSummary(
                id: device.id, name: device.name, created: device.created,
                lastSeen: device.lastSeen > 0 ? device.lastSeen : nil, isCurrent: device.current)
        }
    }

    /// Takes a device's token away, for good.
    /// - Throws: `ClientError`; `not_found` where the caller has no such device.
    public func revoke(device: String) async throws {
        let path = "/v1/devices/\(Self.segment(device))"
        let answer = try await send(Request(.DELETE, path, headers: Self.versions()))
        _ = try? await answer.body.collect(upTo: Limits.smallRequestByteLimit)
    }
}
