// SPDX-License-Identifier: Apache-2.0

import Crypto
import HTTPTypes
import HummingbirdCore
import Logging
import TingCore
import TingWire

/// Joining, and the caller's own devices.
extension API {
    /// `POST /v1/join`: a one-time code and a device's public key become a token. Who has one of the same
    /// account keeps it, and the device may do more.
    func join(_ call: Call) async throws -> Response {
        guard !attempts.isBlocked(call.peer, now: now()) else {
            throw Refusal(
                .tooManyRequests, "Too many wrong join codes came from this address.",
                headers: [HTTPField(name: .retryAfter, value: "60")])
        }
        let request: Ting_V1_JoinRequest = try await call.message()
        if request.protocol != 0 { try call.checkProtocol(request.protocol) }
        guard Invitation.isLine(request.deviceName) else {
            throw Refusal(
                .badRequest, "device_name: it is one line of 1-\(Limits.nameByteLimit) bytes.")
        }
        guard (try? P256.Signing.PublicKey(x963Representation: request.publicKey)) != nil else {
            throw Refusal(.badRequest, "public_key: it is no P-256 key in X9.63 form.")
        }
        let joined = try await workers.run { [accounts, shown = shownToken(call)] in
            try accounts.join(
                code: request.code, device: request.deviceName.normalized,
                publicKey: Array(request.publicKey), showing: shown)
        }
        guard let joined else {
            attempts.noteWrong(call.peer, now: now())
            logger.info("join.refused", metadata: ["peer": "\(call.peer)"])
            throw Refusal(.invalidCode, "The code is wrong, was used, or has expired.")
        }
        logger.info(
            "device.joined",
            metadata: [
                "member": "\(joined.caller.member)", "device": "\(joined.caller.device)",
            ])
        return try call.answer(try await response(joined))
    }

    /// The token that came along, as it is written: an answer names it again.
    private func shownToken(_ call: Call) -> String? {
        guard call.token != nil, let header = call.request.headers[.authorization] else {
            return nil
        }
        return header.split(separator: " ", maxSplits: 1).last.map { String($0) }
    }

    private func response(_ joined: Joined) async throws -> Ting_V1_JoinResponse {
        var response = Ting_V1_JoinResponse()
        response.token = joined.token
        response.device = joined.caller.device.description
        response.member = joined.caller.member.description
        response.name = joined.caller.name
        response.email = joined.caller.email
        response.workspaces = try await information(of: joined.caller)
        return response
    }

    /// `GET /v1/devices`
    func devices(_ call: Call) async throws -> Response {
        let caller = try await caller(call)
        let devices = try await workers.run { [accounts] in try accounts.devices(of: caller) }
        var response = Ting_V1_DevicesResponse()
        response.devices = devices.map { device in
            var one = Ting_V1_Device()
            one.id = device.id.description
            one.name = device.name
            one.created = device.created
            one.lastSeen = device.lastSeen ?? 0
            one.current = device.id == caller.device
            return one
        }
        return try call.answer(response)
    }

    /// `DELETE /v1/devices/{id}`: its token is worth nothing from now on.
    func revokeDevice(_ call: Call, _ device: String) async throws -> Response {
        let caller = try await caller(call)
        guard let id = DeviceID(device),
            try await workers.run({ [accounts] in try accounts.revoke(id, by: caller) })
        else { throw Refusal(.notFound, "You have no such device.") }
        logger.info("device.revoked", metadata: ["member": "\(caller.member)", "device": "\(id)"])
        return Answer.nothing
    }
}
