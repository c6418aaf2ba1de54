// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import SwiftProtobuf
public import TingCore
import TingWire

/// A workspace as its server lists it for this member.
public struct WorkspaceSummary: Equatable, Sendable {
    public var slug: String
    /// Its newest version; 0 where the server can't read the workspace at the moment, as for `epoch`, `schema`.
    public var head: TingCore.Version
    public var epoch: String
    /// That of the caller: `owner`, `editor` or `viewer`.
    public var role: String
    /// The version of the schema that the workspace has.
    public var schema: Int

    public init(slug: String, head: TingCore.Version, epoch: String, role: String, schema: Int) {
        self.slug = slug
        self.head = head
        self.epoch = epoch
        self.role = role
        self.schema = schema
    }
}

/// What a server gives a device that joins.
struct JoinAnswer: Sendable {
    var token: String
    var device: String
    var member: String
    var name: String
    var email: String
    var workspaces: [String]
}

/// The calls of `Protocol/openapi.yaml` that a client makes.
extension ServerConnection {
    /// Bytes of the longest answer: a page of entries, and one largest change set over it.
    private static var answerByteLimit: Int {
        Limits.pageByteLimit + 4 * Limits.changeSetByteLimit
    }

    func join(code: String, device: String, publicKey: Data, schema: Int) async throws -> JoinAnswer
    {
        var message = Ting_V1_JoinRequest()
        message.`protocol` = protocolVersion
        message.schema = Int64(schema)
        message.code = code
        message.deviceName = device
        message.publicKey = publicKey
        let answer = try await call(.POST, "/v1/join", message, as: Ting_V1_JoinResponse.self)
        return JoinAnswer(
            token: answer.token, device: answer.device, member: answer.member, name: answer.name,
            email: answer.email, workspaces: answer.workspaces.map(\.slug))
    }

    /// The workspaces of the server that the caller is a member of.
    /// - Throws: `ClientError`.
    public func workspaces() async throws -> [WorkspaceSummary] {
        let answer = try await call(
            Request(.GET, "/v1/workspaces", headers: Self.versions()),
            as: Ting_V1_WorkspacesResponse.self)
        return answer.workspaces.map(WorkspaceSummary.init)
    }

    /// One of them, by its name.
    /// - Throws: `ClientError`; `workspace_not_found` also where there is one of that name for others.
    public func workspace(_ slug: String) async throws -> WorkspaceSummary {
        let answer = try await call(
            Request(.GET, Self.path(slug), headers: Self.versions()),
            as: Ting_V1_WorkspaceInfo.self)
        return WorkspaceSummary(answer)
    }

    /// One exchange: the replica's edits go, verdicts and entries come.
    ///
    /// In the terse form (`Protocol/spec/terse.md`): what the replica delivered does not come back.
    /// Where it no longer holds that, all is asked for again in full.
    /// - Parameter outbox: Finds a change set in the outbox, by its hash.
    public func sync(
        _ slug: String, _ request: SyncRequest, outbox: (Hash) -> ChangeSet? = { _ in nil }
    ) async throws -> SyncResponse {
        let path = Self.path(slug, "sync")
        let message = try await answer(
            .POST, path, request.terseWire, as: Ting_V1_SyncResponse.self)
        guard let message else { return try nothingNew(to: request) }
        do {
            return try SyncResponse(wire: message) { number, hash in
                let sent = request.deliveries.first { $0.number == number }?.changeSet
                return sent?.hash == hash ? sent : outbox(hash)
            }
        } catch Entry.notHeld {
            let message = try await call(
                .POST, path, request.wire, as: Ting_V1_SyncResponse.self)
            return try understood { () throws(WireError) in try SyncResponse(wire: message) }
        } catch {
            throw misunderstood(error)
        }
    }

    /// An answer without a body: both ends agree, and nothing came.
    private func nothingNew(to request: SyncRequest) throws -> SyncResponse {
        guard let role = request.role, request.deliveries.isEmpty else {
            throw ClientError.foreignAnswer(server, "nothing where an answer was due")
        }
        return .nothingNew(to: request, role: role, time: request.sent)
    }

    /// Compares the replica's records with the server's, by buckets.
    public func mend(_ slug: String, _ request: MendRequest) async throws -> MendResponse {
        let body = try WireCoding.protobuf.encode(request.wire)
        let answer = try await call(
            Request(.POST, Self.path(slug, "mend"), body: body, headers: [Self.packed]),
            as: Ting_V1_MendResponse.self)
        return try understood { () throws(WireError) in try MendResponse(wire: answer) }
    }

    /// Gives back entries that the server lost.
    public func giveBack(_ slug: String, _ request: GiveBackRequest) async throws
        -> GiveBackResponse
    {
        let answer = try await call(
            .POST, Self.path(slug, "give-back"), request.terseWire,
            as: Ting_V1_GiveBackResponse.self)
        return try understood { () throws(WireError) in try GiveBackResponse(wire: answer) }
    }

    /// - Parameter compressed: Whether the compressed form is to be described, too.
    func manifest(_ slug: String, compressed: Bool) async throws -> SnapshotManifest {
        let path = Self.path(slug, "snapshot/manifest") + (compressed ? "?gzip=1" : "")
        let answer = try await call(
            Request(.GET, path, headers: Self.versions() + [Self.packed]),
            as: Ting_V1_SnapshotManifest.self)
        return try understood { () throws(WireError) in try SnapshotManifest(wire: answer) }
    }

    static func path(_ slug: String, _ rest: String? = nil) -> String {
        "/v1/workspaces/\(segment(slug))" + (rest.map { "/" + $0 } ?? "")
    }

    /// A name as one segment of a path (RFC 3986 § 3.3).
    static func segment(_ name: String) -> String {
        let allowed = CharacterSet.urlPathAllowed.subtracting(CharacterSet(charactersIn: "/"))
        return name.addingPercentEncoding(withAllowedCharacters: allowed) ?? name
    }

    /// Every request names the protocol; where there is no body, in a header.
    static func versions() -> [(String, String)] { [("Ting-Protocol", String(protocolVersion))] }

    /// Asks for an answer in gzip.
    private static let packed = ("Accept-Encoding", Gzip.name)

    func call<Answer: Message>(
        _ method: Request.Method, _ path: String, _ message: some Message, as type: Answer.Type
    ) async throws -> Answer {
        let body = try WireCoding.protobuf.encode(message)
        return try await call(Request(method, path, body: body), as: type)
    }

    func call<Answer: Message>(_ request: Request, as type: Answer.Type) async throws
        -> Answer
    {
        guard let answer = try await answer(request, as: type) else {
            throw ClientError.foreignAnswer(server, "nothing where an answer was due")
        }
        return answer
    }

    private func answer<Answer: Message>(
        _ method: Request.Method, _ path: String, _ message: some Message, as type: Answer.Type
    ) async throws -> Answer? {
        let body = try WireCoding.protobuf.encode(message)
        return try await answer(Request(method, path, body: body), as: type)
    }

    /// The answer's message; `nil` for an answer without a body.
    private func answer<Answer: Message>(
        _ request: Request, as type: Answer.Type
    ) async throws -> Answer? {
        guard let bytes = try await body(request, byteLimit: Self.answerByteLimit) else {
            return nil
        }
        return try understood { () throws in try WireCoding.protobuf.decode(type, bytes) }
    }

    /// What a peer sent is parsed, not trusted: bytes that don't add up are no answer.
    func understood<T>(_ parse: () throws -> T) throws -> T {
        do { return try parse() } catch { throw misunderstood(error) }
    }

    private func misunderstood(_ error: any Error) -> any Error {
        guard let error = error as? WireError else { return error }
        return ClientError.foreignAnswer(
            server, "bytes that are no answer of Ting (\(error.field): \(error.problem))")
    }
}

extension WorkspaceSummary {
    fileprivate init(_ message: Ting_V1_WorkspaceInfo) {
        self.init(
            slug: message.slug, head: message.head, epoch: message.epoch, role: message.role,
            schema: Int(clamping: message.schema))
    }
}
