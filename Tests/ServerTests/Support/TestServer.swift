// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Crypto
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import ServiceLifecycle
import SwiftProtobuf
import Synchronization
import Testing
import TingCore
import TingServer
import TingTesting
import TingWire

/// A real server in this process: its own folder, CA, port and clients; TLS like anywhere.
final class TestServer: Sendable {
    let path: String
    let address: HostPort
    let client: HTTPClient
    let now: @Sendable () -> Int64
    private let group: ServiceGroup
    private let running: Task<Void, any Error>

    /// Runs `body` with a server, and stops the server after it.
    static func run<T: Sendable>(
        now: (@Sendable () -> Int64)? = nil, bounds: ServerBounds = ServerBounds(),
        _ body: (TestServer) async throws -> T
    ) async throws -> T {
        let server = try await TestServer(now: now ?? Self.clock, bounds)
        do {
            let result = try await body(server)
            try await server.stop()
            return result
        } catch {
            try? await server.stop()
            throw error
        }
    }

    static let clock: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1_000) }

    private init(now: @escaping @Sendable () -> Int64, _ bounds: ServerBounds) async throws {
        self.now = now
        path = TestFolder.new()
        try Operator.create(
            path, names: ["localhost", "127.0.0.1", "::1"], configuration: ServerSettings(),
            now: Date(timeIntervalSince1970: Double(now()) / 1_000))
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        var options = ServerOptions(
            folder: try DataFolder(existing: path), configuration: ServerSettings(),
            listen: HostPort(host: "127.0.0.1", port: 0), schema: .sample, logger: logger)
        options.now = now
        options.bounds = bounds
        let server = try RunningServer(options)
        let (ready, sayReady) = AsyncStream<HostPort>.makeStream()
        let (groups, sayGroup) = AsyncStream<ServiceGroup>.makeStream()
        running = Task {
            defer { sayReady.finish() }
            try await server.run(started: { sayGroup.yield($0) }, onReady: { sayReady.yield($0) })
        }
        group = try #require(await groups.first { _ in true })
        address = try #require(await ready.first { _ in true })
        client = try Self.client(trusting: "\(path)/tls/ca.pem")
    }

    static func client(trusting ca: String) throws -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.tlsConfiguration = .makeClientConfiguration()
        configuration.tlsConfiguration?.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMFile(ca))
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    var url: String { "https://\(address)" }

    func beginShutdown() async { await group.triggerGracefulShutdown() }

    private func stop() async throws {
        try await client.shutdown()
        await group.triggerGracefulShutdown()
        try await running.value
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// A member with a device that has joined.
struct Person: Sendable {
    let token: String
    let member: MemberID
    let device: String
}

struct Reply: Sendable {
    let status: Int
    var headers: HTTPHeaders
    let bytes: [UInt8]

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The code of a problem document.
    var code: String? {
        try? JSONDecoder().decode(Problem.self, from: Data(bytes)).code
    }

    func message<M: Message>(_ type: M.Type = M.self) throws -> M {
        try #require(status < 300, "\(status) \(text)")
        return try WireCoding.json.decode(M.self, bytes)
    }
}

extension TestServer {
    func call(
        _ method: HTTPMethod, _ path: String, token: String? = nil, json: String? = nil,
        body: [UInt8]? = nil, headers: [(String, String)] = []
    ) async throws -> Reply {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if json != nil { request.headers.add(name: "Content-Type", value: "application/json") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let bytes = json.map({ Array($0.utf8) }) ?? body {
            request.body = .bytes(ByteBuffer(bytes: bytes))
        }
        let response = try await client.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return Reply(
            status: Int(response.status.code), headers: response.headers,
            bytes: Array(bytes.readableBytesView))
    }

    /// An event stream, as it comes.
    func follow(
        _ slug: String, token: String, since: Int? = nil
    ) async throws -> HTTPClientResponse.Body {
        let query = since.map { "?since=\($0)" } ?? ""
        var request = HTTPClientRequest(url: "\(url)/v1/workspaces/\(slug)/follow\(query)")
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        let response = try await client.execute(request, timeout: .seconds(60))
        try #require(response.status == .ok)
        return response.body
    }

    /// What an operator does, as `tingd` in another process would: on a connection of its own.
    func asOperator<T>(_ body: (Operator) throws -> T) throws -> T {
        let person = try Operator(try DataFolder(existing: path), schema: .sample, now: now)
        defer { try? person.accounts.close() }
        return try body(person)
    }

    /// What `tingd verify` finds.
    func verify() throws -> Verification {
        try Verification(of: DataFolder(reading: path), schema: .sample, now: now)
    }

    func invite(_ email: String, to workspace: String?, as role: Role?) throws -> String {
        try asOperator {
            try $0.invite(
                Invitation(name: email, email: email, workspace: nil, role: role), to: workspace,
                mayCreate: true, url: nil
            ).address.code
        }
    }

    /// A code that an owner of the workspace gives out.
    func invite(_ email: String, to slug: String, by owner: Person) async throws -> String {
        let invited: Ting_V1_InvitationResponse = try await call(
            .POST, "/v1/workspaces/\(slug)/invitations", token: owner.token,
            json: #"{"name":"K","email":"\#(email)","role":"editor"}"#
        ).message()
        return String(try #require(invited.address.firstMatch(of: /code=(\w+)/)?.1))
    }

    /// - Parameter token: Of a device that has joined before.
    func join(
        _ code: String, key: P256.Signing.PrivateKey = .init(), showing token: String? = nil
    ) async throws -> Reply {
        try await call(.POST, "/v1/join", token: token, json: Self.joinBody(code, key: key))
    }

    static func joinBody(_ code: String, key: P256.Signing.PrivateKey = .init()) -> String {
        let key = key.publicKey.x963Representation.base64EncodedString()
        return #"{"protocol":1,"code":"\#(code)","device_name":"laptop","public_key":"\#(key)"}"#
    }

    func person(_ email: String, in workspace: String?, as role: Role? = nil) async throws -> Person
    {
        let code = try invite(email, to: workspace, as: role)
        let joined: Ting_V1_JoinResponse = try await join(code).message()
        return Person(
            token: joined.token, member: try #require(MemberID(joined.member)),
            device: joined.device)
    }
}

/// Folders of tests.
enum TestFolder {
    static func new() -> String {
        FileManager.default.temporaryDirectory.appending(path: "ting-server-\(UUID().uuidString)")
            .path
    }
}
