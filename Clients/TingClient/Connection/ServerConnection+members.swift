// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOHTTP1
public import TingCore
import TingWire

/// A join address for one device of one person. It is a secret until it is used.
public struct IssuedInvitation: Equatable, Sendable {
    public var address: String
    /// When it ends, in milliseconds since 1970.
    public var expires: Int64
}

/// What owners do with the members of their workspace.
///
/// - Throws: `ClientError`; for a caller who is no owner its code is `forbidden`.
extension ServerConnection {
    /// The members of a workspace as the server has them, past and invited ones too.
    public func members(of slug: String) async throws -> [Member] {
        let answer = try await call(
            Request(.GET, Self.path(slug, "members"), headers: Self.versions()),
            as: Ting_V1_MembersResponse.self)
        return try members(answer)
    }

    /// Invites a person, or a further device of a member.
    /// - Parameters:
    ///   - name: What others see until the person has joined.
    ///   - email: What tells members apart, whatever its case.
    ///   - role: `nil` leaves a member's role as it is, and makes a new one an editor.
    public func invite(
        name: String, email: String, as role: Role? = nil, to slug: String
    ) async throws -> IssuedInvitation {
        var message = Ting_V1_InvitationRequest()
        message.name = name
        message.email = email
        message.role = role?.rawValue ?? ""
        let answer = try await call(
            .POST, Self.path(slug, "invitations"), message, as: Ting_V1_InvitationResponse.self)
        return IssuedInvitation(address: answer.address, expires: answer.expires)
    }

    /// Gives a member another role, within a second also on open connections.
    /// - Returns: The members of the workspace from then on.
    @discardableResult
    public func setRole(
        _ role: Role, of member: MemberID, in slug: String
    ) async throws -> [Member] {
        var message = Ting_V1_RoleRequest()
        message.role = role.rawValue
        let answer = try await call(
            .PATCH, Self.path(slug, "members/\(member)"), message,
            as: Ting_V1_MembersResponse.self)
        return try members(answer)
    }

    /// Takes a member out; the name stays, for history.
    public func remove(_ member: MemberID, from slug: String) async throws {
        let path = Self.path(slug, "members/\(member)")
        let answer = try await send(Request(.DELETE, path, headers: Self.versions()))
        _ = try? await answer.body.collect(upTo: Limits.smallRequestByteLimit)
    }

    private func members(_ answer: Ting_V1_MembersResponse) throws -> [Member] {
        try understood { () throws in try answer.members.map { try Member(wire: $0) } }
    }
}
