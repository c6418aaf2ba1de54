// SPDX-License-Identifier: Apache-2.0

import SwiftProtobuf
import TingCore
import TingWire

/// Who may call: asked of `server.sqlite` at each request.
extension API {
    /// A body that is read in less came with its head.
    private static let bodyAtOnce = Duration.milliseconds(20)

    func caller(_ call: Call) async throws -> Caller {
        try await authorization(call, slug: nil).caller
    }

    /// The caller and their access to a workspace, if their role is high enough for the call.
    func member(
        _ call: Call, _ slug: String, atLeast least: Role = .viewer
    ) async throws -> (caller: Caller, access: Access) {
        let authorization = try await authorization(call, slug: slug)
        guard let access = authorization.access else { throw Refusal.workspaceNotFound }
        guard access.role >= least else { throw Refusal.tooLow(access.role, needs: least) }
        return (authorization.caller, access)
    }

    /// The same, with the body of the call. Asked again when the body did not come with its head: that
    /// may take minutes, and who was removed meanwhile changes nothing any more.
    func member<M: Message>(
        _ call: Call, _ slug: String, atLeast least: Role = .viewer, sending type: M.Type,
        limit: Int = Limits.smallRequestByteLimit, shape: BodyParts.Form? = nil
    ) async throws -> (caller: Caller, access: Access, message: M) {
        let first = try await member(call, slug, atLeast: least)
        let start = ContinuousClock.now
        let message: M = try await call.message(
            limit: limit, shape: shape, of: first.caller.device)
        guard ContinuousClock.now - start > Self.bodyAtOnce else {
            return (first.caller, first.access, message)
        }
        let (caller, access) = try await member(call, slug, atLeast: least)
        return (caller, access, message)
    }

    private func authorization(_ call: Call, slug: String?) async throws -> Authorization {
        guard let token = call.token else { throw Refusal.unauthorized }
        let time = now()
        let found = try await workers.run { [accounts] in
            let found = try accounts.authorize(token: token, slug: slug)
            // The first use ends the time in which a join may be sent again.
            if let found, found.isFirstUse {
                do {
                    try accounts.noteSeen([found.caller.device: time])
                } catch  where isStorageFull(error) {
                    // Reads go on; the device that joined is the only one that could join again.
                }
            }
            return found
        }
        guard let found else { throw Refusal.unauthorized }
        call.share.belongs(to: found.caller.device)
        if !found.isFirstUse { seen.note(found.caller.device, at: time) }
        return found
    }
}
