// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import Logging
import TingCore
import TingWire

/// Who belongs to a workspace; owners change it.
extension API {
    /// `GET /v1/workspaces/{slug}/members`
    func members(_ call: Call, _ slug: String) async throws -> Response {
        let (_, access) = try await member(call, slug)
        return try call.answer(try await list(of: access.workspace))
    }

    private func list(of workspace: WorkspaceID) async throws -> Ting_V1_MembersResponse {
        try await workers.run { [accounts] in
            var message = Ting_V1_MembersResponse()
            message.membersVersion = try accounts.membersVersion(of: workspace)
            message.members = try accounts.members(of: workspace).map(\.wire)
            return message
        }
    }

    /// `POST /v1/workspaces/{slug}/invitations`: a join address for one person.
    func invite(_ call: Call, _ slug: String) async throws -> Response {
        let (caller, access, request) = try await member(
            call, slug, atLeast: .owner, sending: Ting_V1_InvitationRequest.self)
        let role = request.role.isEmpty ? nil : Role(rawValue: request.role)
        guard request.role.isEmpty || role != nil else { throw Self.unknownRole }
        let invitation = Invitation(
            name: request.name, email: request.email, workspace: access.workspace, role: role)
        if let problem = invitation.problem { throw Refusal(.badRequest, problem) }
        let code = try await workers.run { [accounts] in
            do {
                return try accounts.invite(invitation, by: caller.member)
            } catch let refused as InvitationRefused {
                throw refused == .full ? Self.isFull : Self.lastOwner
            } catch let many as TooManyChanges {
                throw Self.tooMany(many)
            }
        }
        logger.info(
            "member.invited",
            metadata: ["by": "\(caller.member)", "member": "\(code.member)"])
        var response = Ting_V1_InvitationResponse()
        response.address = joinAddress(code.code)
        response.expires = code.expires
        return try call.answer(response, status: .created)
    }

    /// `PATCH /v1/workspaces/{slug}/members/{id}`
    func changeRole(_ call: Call, _ slug: String, _ member: String) async throws -> Response {
        let (caller, access, request) = try await self.member(
            call, slug, atLeast: .owner, sending: Ting_V1_RoleRequest.self)
        guard let role = Role(rawValue: request.role) else { throw Self.unknownRole }
        try await change(role, of: member, access, by: caller)
        return try call.answer(try await list(of: access.workspace))
    }

    /// `DELETE /v1/workspaces/{slug}/members/{id}`: their name stays, for history.
    func removeMember(_ call: Call, _ slug: String, _ member: String) async throws -> Response {
        let (caller, access) = try await self.member(call, slug, atLeast: .owner)
        try await change(nil, of: member, access, by: caller)
        return Answer.nothing
    }

    private func change(
        _ role: Role?, of member: String, _ access: Access, by caller: Caller
    ) async throws {
        guard let id = MemberID(member) else { throw Self.noSuchMember }
        let change = try await workers.run { [accounts] in
            do {
                return try accounts.setRole(
                    role, of: id, in: access.workspace, by: caller.member)
            } catch let many as TooManyChanges {
                throw Self.tooMany(many)
            }
        }
        switch change {
        case .notFound: throw Self.noSuchMember
        case .lastOwner: throw Self.lastOwner
        case .done:
            logger.info(
                role == nil ? "member.removed" : "member.role",
                metadata: ["by": "\(caller.member)", "member": "\(id)"])
        }
    }

    private static func tooMany(_ changes: TooManyChanges) -> Refusal {
        let seconds = changes.wait.components.seconds + 1
        return Refusal(
            .tooManyRequests,
            "Owners changed the members of this workspace \(Limits.memberChangesPerHour) times within an hour: the next change is taken in \(seconds) s.",
            headers: [HTTPField(name: .retryAfter, value: "\(seconds)")])
    }

    private static let isFull = Refusal(
        .conflict,
        "The workspace lists \(Limits.workspaceMemberLimit) members, or so many open invitations: wait until some are used or expire, or ask the administrator, whose `tingd invite` has no such bound."
    )
    private static let unknownRole = Refusal(.badRequest, "role: it is owner, editor or viewer.")
    private static let lastOwner = Refusal(
        .conflict, "It would leave the workspace without an owner: make another one first.")
    private static let noSuchMember = Refusal(.notFound, "The workspace has no such member.")
}
