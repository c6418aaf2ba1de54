// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import SwiftProtobuf
import TingCore
import TingTesting
import TingWire

/// A server over TLS that is asked anything, by its members and by strangers: what it answers is of
/// the protocol, nothing is a failure of its own, and its accounts stay whole.
enum RequestFuzz {
    static func run(_ bytes: [UInt8]) async throws {
        var input = FuzzInput(bytes)
        let server = try await FuzzServers.shared.next()
        for _ in 0..<6 where !input.isEmpty {
            switch input.below(8) {
            case 1:
                let isHTTP2 = input.flag()
                try await server.shout([input.bytes(), input.bytes()], isHTTP2: isHTTP2)
            default: try await ask(&input, server)
            }
        }
        try server.check()
    }

    /// Each endpoint asked in either coding as it is meant to be, and the same said by hand.
    static func seeds() -> [[UInt8]] {
        let asked = Door.all.enumerated().flatMap { number, door in
            // The turn and the door; then nothing is odd, but for the coding.
            let plain = [UInt8](repeating: 0, count: door.path.hasSuffix("}") ? 7 : 4)
            return [UInt8(0), 1].map { [0, UInt8(number)] + plain + [$0] }
        }
        let get = Array("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        // RFC 9113 § 3.4: the preface and empty settings; then HEADERS of GET https://a/ (RFC 7541).
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        let headers: [UInt8] = [
            0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x87, 0x84, 0x41, 1, UInt8(ascii: "a"),
        ]
        return asked + [
            [1, 0, UInt8(get.count), 0] + get,
            [1, 1, UInt8(preface.count), 0] + preface + [UInt8(headers.count), 0] + headers,
        ]
    }

    private static func ask(_ input: inout FuzzInput, _ server: FuzzServer) async throws {
        let door = input.choose(Door.all)
        let path = door.path(&input, server)
        var request = HTTPClientRequest(url: "")
        request.method = input.below(16) == 1 ? .RAW(value: input.text()) : door.method
        switch input.below(4) {
        case 0, 1: request.headers.add(name: "Authorization", value: "Bearer \(server.owner.token)")
        case 2: request.headers.add(name: "Authorization", value: "Bearer \(server.editor.token)")
        default: request.headers.add(name: "Authorization", value: input.text())
        }
        let coding = input.choose([WireCoding.json, .protobuf])
        request.headers.add(
            name: "Accept", value: input.below(8) == 1 ? input.text() : coding.mediaType)
        for name in ["Range", "Ting-Protocol", "Ting-Schema", "Accept-Encoding"]
        where input.below(16) == 1 {
            request.headers.add(name: name, value: input.text())
        }
        if [.POST, .PATCH].contains(door.method) {
            var body = try door.body(&input, server, coding) ?? input.bytes()
            request.headers.add(
                name: "Content-Type", value: input.below(16) == 1 ? input.text() : coding.mediaType)
            if input.below(8) == 1 {
                request.headers.add(name: "Content-Encoding", value: Gzip.name)
                if input.flag() { body = Gzip.pack(body) ?? body }
            }
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        guard let answer = try await server.ask(request, at: path) else { return }
        try check(answer, door, "\(request.method.rawValue) \(path)")
    }

    private static func check(_ answer: FuzzServer.Answer, _ door: Door, _ asked: String) throws {
        let what = "\(asked) is answered by \(answer.status)"
        try FuzzFinding.check((200..<500).contains(answer.status), what)
        guard let body = answer.body, !body.isEmpty else { return }
        if answer.status >= 400 {
            let problem = try? JSONDecoder().decode(Problem.self, from: Data(body))
            try FuzzFinding.check(
                problem?.status == answer.status && answer.mediaType == Problem.mediaType,
                "\(what), and no problem document says why")
        } else if let coding = WireCoding(mediaType: answer.mediaType), let reads = door.reads {
            let body = answer.isPacked ? try Gzip.unpack(body, limit: 64 << 20) : body
            try FuzzFinding.check((try? reads(coding, body)) != nil, "\(what), which can't be read")
        }
    }
}

/// An endpoint of `Protocol/openapi.yaml`: how it is asked, and what it answers.
private struct Door: Sendable {
    let method: HTTPMethod
    let path: String
    var makes: (@Sendable (inout FuzzInput, FuzzServer) -> any Message)?
    var reads: (@Sendable (WireCoding, [UInt8]) throws -> Void)?

    static let all = [
        Door(.POST, "/v1/join", Ting_V1_JoinResponse.self) { input, server in
            var message = Ting_V1_JoinRequest()
            message.protocol = input.below(8) == 1 ? input.number() : 1
            message.code = input.flag() ? server.code : input.text()
            message.deviceName = input.flag() ? "laptop" : input.text()
            message.publicKey =
                input.flag()
                ? server.editor.key.publicKey.x963Representation : Data(input.bytes())
            return message
        },
        Door(
            .POST, "/v1/workspaces/{slug}/invitations", Ting_V1_InvitationResponse.self
        ) { input, _ in
            var message = Ting_V1_InvitationRequest()
            message.name = input.flag() ? "Åse 李" : input.text()
            message.email = input.choose(["anna@example.org", "ny@example.org", input.text()])
            message.role = role(&input)
            return message
        },
        Door(
            .PATCH, "/v1/workspaces/{slug}/members/{member}", Ting_V1_MembersResponse.self
        ) { input, _ in
            var message = Ting_V1_RoleRequest()
            message.role = role(&input)
            return message
        },
        Door(.DELETE, "/v1/workspaces/{slug}/members/{member}"),
        Door(.GET, "/v1/workspaces/{slug}/members", Ting_V1_MembersResponse.self),
        Door(.GET, "/v1/devices", Ting_V1_DevicesResponse.self),
        Door(.DELETE, "/v1/devices/{device}"),
        Door(.GET, "/v1/workspaces", Ting_V1_WorkspacesResponse.self),
        Door(.GET, "/v1/workspaces/{slug}", Ting_V1_WorkspaceInfo.self),
        Door(.POST, "/v1/workspaces/{slug}/sync", Ting_V1_SyncResponse.self) { input, server in
            sync(&input, server.epoch)
        },
        Door(.POST, "/v1/workspaces/{slug}/mend", Ting_V1_MendResponse.self) { input, server in
            MendRequest(
                base: Base(epoch: server.epoch, version: input.number()),
                schema: Int(clamping: input.number()), digest: StateDigest()
            ).wire
        },
        Door(
            .POST, "/v1/workspaces/{slug}/give-back", Ting_V1_GiveBackResponse.self
        ) { input, server in
            GiveBackRequest(
                epoch: server.epoch, schema: Int(clamping: input.number()), entries: []
            ).wire
        },
        Door(.GET, "/v1/workspaces/{slug}/entries", Ting_V1_EntriesPage.self),
        Door(.GET, "/v1/workspaces/{slug}/follow"),
        Door(.GET, "/v1/workspaces/{slug}/snapshot"),
        Door(.GET, "/v1/workspaces/{slug}/snapshot/manifest", Ting_V1_SnapshotManifest.self),
        Door(.GET, "/v1/bundle-key", Ting_V1_BundleKey.self),
        Door(.POST, "/v1/bundles"),
        Door(.GET, "/healthz"), Door(.GET, "/readyz"), Door(.GET, "/metrics"),
    ]

    private init(_ method: HTTPMethod, _ path: String) {
        (self.method, self.path) = (method, path)
    }

    private init<M: Message>(
        _ method: HTTPMethod, _ path: String, _ answer: M.Type,
        makes: (@Sendable (inout FuzzInput, FuzzServer) -> any Message)? = nil
    ) {
        self.init(method, path)
        self.makes = makes
        reads = { coding, bytes in _ = try coding.decode(M.self, bytes) }
    }

    /// Where a replica stands, in either form; the start is shared with everyone's.
    private static func sync(_ input: inout FuzzInput, _ epoch: Epoch) -> Ting_V1_SyncRequest {
        let base = Base(epoch: epoch, version: input.number())
        let digest = Hash(bytes: [UInt8](repeating: input.byte(), count: 32)) ?? .zero
        var request = SyncRequest(
            replica: .named([input.byte()]), base: base, historyDigest: digest,
            stateDigest: digest, role: input.choose([.owner, .editor, .viewer, nil]),
            schema: Int(clamping: input.number()), sent: input.number(),
            membersVersion: input.number(), pageByteLimit: Int(clamping: input.number()),
            deliveries: [])
        var messages = HostileMessages(schema: .sample, records: Team.records)
        for number in 0..<input.below(3) {
            request.deliveries.append(
                Delivery(
                    number: Int64(number) + 1,
                    changeSet: messages.changeSet(&input, epoch, head: base.version)))
        }
        return input.flag() ? request.wire : request.terseWire
    }

    private static func role(_ input: inout FuzzInput) -> String {
        input.below(8) == 1 ? input.text() : input.choose(Role.allCases).rawValue
    }

    /// What its message holds; `nil` where the bytes themselves are to be thrown.
    func body(
        _ input: inout FuzzInput, _ server: FuzzServer, _ coding: WireCoding
    ) throws -> [UInt8]? {
        guard let makes, input.below(4) != 1 else { return nil }
        return try coding.encode(makes(&input, server))
    }

    func path(_ input: inout FuzzInput, _ server: FuzzServer) -> String {
        let slug = input.below(8) == 1 ? input.text() : FuzzServer.slug
        var path = self.path.replacing("{slug}", with: Self.escaped(slug))
        if path.contains("{member}") {
            let ids = [server.owner, server.editor].map(\.member.description)
            path.replace("{member}", with: Self.escaped(input.choose(ids + [input.text()])))
        }
        if path.contains("{device}") {
            let ids = [server.owner, server.editor].map(\.device.description)
            path.replace("{device}", with: Self.escaped(input.choose(ids + [input.text()])))
        }
        switch input.below(8) {
        case 1: path += "?\(input.choose(["since", "bytes", "gzip"]))=\(input.number())"
        case 2: path += "?\(Self.escaped(input.text()))"
        default: break
        }
        return path
    }

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? ""
    }
}
