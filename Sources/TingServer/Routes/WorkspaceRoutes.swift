// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import Logging
import TingCore
import TingStore
import TingWire

/// What a workspace is, and what happened in it.
extension API {
    /// `GET /v1/workspaces`
    func workspaces(_ call: Call) async throws -> Response {
        var response = Ting_V1_WorkspacesResponse()
        response.workspaces = try await information(of: try await caller(call))
        return try call.answer(response)
    }

    /// `GET /v1/workspaces/{slug}`
    func workspace(_ call: Call, _ slug: String) async throws -> Response {
        let access = try await member(call, slug).access
        return try call.answer(information(access, try await standing(access)))
    }

    /// Of every workspace of theirs. One whose file can't be read is there without what the file
    /// would say: the others, and a join that used its code up, don't fail for it.
    func information(of caller: Caller) async throws -> [Ting_V1_WorkspaceInfo] {
        let list = try await workers.run { [accounts] in try accounts.workspaces(of: caller) }
        var found: [Ting_V1_WorkspaceInfo] = []
        for access in list {
            // A list of many opens none of them: those that are open are others' too, and few at a time.
            var seen = await registry.glance(access.workspace)
            do {
                if seen == nil { seen = try await standing(access) }
            } catch let refusal as Refusal where refusal == .workspaceUnreadable {
            } catch {
                logger.error(
                    "workspace.unreadable",
                    metadata: [
                        "workspace": "\(access.workspace)", "error": "\(type(of: error))",
                        "code": "\(databaseCode(of: error))",
                    ])
            }
            found.append(information(access, seen))
        }
        return found
    }

    private func information(
        _ access: Access, _ standing: WorkspaceStanding?
    ) -> Ting_V1_WorkspaceInfo {
        var message = Ting_V1_WorkspaceInfo()
        message.slug = access.slug
        message.role = access.role.rawValue
        guard let standing else { return message }
        message.head = standing.head
        message.epoch = standing.epoch.description
        message.schema = Int64(standing.schema)
        return message
    }

    private func standing(_ access: Access) async throws -> WorkspaceStanding {
        try await with(access.workspace) { workspace in
            try await workspace.read { try $0.standing() }
        }
    }

    /// `POST /v1/workspaces/{slug}/sync`: push and pull in one exchange.
    func sync(_ call: Call, _ slug: String) async throws -> Response {
        let (caller, access, message) = try await member(
            call, slug, sending: Ting_V1_SyncRequest.self, limit: Limits.requestByteLimit,
            shape: .sync)
        if message.protocol != 0 { try call.checkProtocol(message.protocol) }
        let request = try await call.parse { try SyncRequest(wire: message) }
        let response = try await with(access.workspace) { workspace in
            let judgement = try await workspace.accept(
                .init(
                    request: request, member: caller.member, role: access.role,
                    quota: access.quota))
            return try await workspace.read { [accounts, now] file in
                var response = try file.reply(
                    to: request, judgement: judgement, role: access.role, members: nil,
                    membersVersion: access.membersVersion, now: now())
                // Read after the entries: an author who joined meanwhile is in the list.
                if response.entries.contains(where: { $0.author != caller.member }) {
                    response.membersVersion = try accounts.membersVersion(of: access.workspace)
                }
                // Also where it is older: a restored server's list is.
                if response.membersVersion != request.membersVersion || request.membersVersion == 0
                {
                    response.members = try accounts.members(of: access.workspace)
                }
                return response
            }
        }
        metrics.countSync(response)
        guard message.hasStanding else { return try call.packedAnswer(response.wire) }
        if response.saysNothingNew(to: request) { return Answer.nothingNew }
        return try call.packedAnswer(response.terseWire(to: request.replica), standard: true)
    }

    /// `POST /v1/workspaces/{slug}/mend`: the records of the buckets that differ.
    func mend(_ call: Call, _ slug: String) async throws -> Response {
        let (_, access, message) = try await member(
            call, slug, sending: Ting_V1_MendRequest.self)
        if message.protocol != 0 { try call.checkProtocol(message.protocol) }
        let request = try await call.parse { try MendRequest(wire: message) }
        let response = try await with(access.workspace) { workspace in
            try await workspace.read { try $0.mend(request) }
        }
        return try call.packedAnswer(response.wire)
    }

    /// `POST /v1/workspaces/{slug}/give-back`: entries that this server accepted and has lost.
    func giveBack(_ call: Call, _ slug: String) async throws -> Response {
        let (_, access, message) = try await member(
            call, slug, sending: Ting_V1_GiveBackRequest.self, limit: Limits.requestByteLimit,
            shape: .giveBack)
        if message.protocol != 0 { try call.checkProtocol(message.protocol) }
        let request = try await call.parse { try GiveBackRequest(wire: message) }
        let response = try await with(access.workspace) { workspace in
            try await workspace.takeBack(request)
        }
        logger.info(
            "history.given_back",
            metadata: ["taken": "\(response.taken.count)", "refused": "\(response.refused.count)"])
        return try call.packedAnswer(response.wire)
    }

    /// `GET /v1/workspaces/{slug}/entries?since=N&bytes=M`
    func entries(_ call: Call, _ slug: String) async throws -> Response {
        let (_, access) = try await member(call, slug)
        let since = try call.number("since", standard: 0)
        let limit = try call.number("bytes", standard: Int64(Limits.pageByteLimit))
        let bytes = Int(min(max(limit, 1), Int64(Limits.pageByteLimit)))
        let page = try await with(access.workspace) { workspace in
            try await workspace.read { try $0.page(since: since, byteLimit: bytes) }
        }
        var message = Ting_V1_EntriesPage()
        message.epoch = page.epoch.description
        message.entries = page.entries.map(\.wire)
        message.head = page.head
        return try call.packedAnswer(message)
    }
}
