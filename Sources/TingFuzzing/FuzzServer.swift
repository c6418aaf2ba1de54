// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Crypto
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization
import TingCore
import TingServer
import TingTesting
import TingWire

/// A real server in this process, over TLS, with a workspace of two members who have joined.
final class FuzzServer: Sendable {
    static let slug = "team"

    /// Whose device it is, and what it holds.
    struct Guest: Sendable {
        let member: MemberID
        let device: DeviceID
        let token: String
        let key: P256.Signing.PrivateKey
    }

    let owner: Guest
    let editor: Guest
    /// What the workspace's history is called.
    let epoch: Epoch
    /// An invitation that nobody has taken.
    let code: String
    let path: String
    private let client: HTTPClient
    private let address: HostPort
    /// What a client offers by ALPN that says bytes of its own.
    private let raw: (http1: NIOSSLContext, http2: NIOSSLContext)
    private let desk: Operator
    private let clock: Clock
    private let group: ServiceGroup
    private let running: Task<Void, any Error>

    /// The time of day, and what it was put forward.
    private final class Clock: Sendable {
        private let forward = Mutex<Int64>(0)

        func now() -> Int64 {
            Int64(Date().timeIntervalSince1970 * 1_000) + forward.withLock { $0 }
        }

        func advance(milliseconds: Int64) { forward.withLock { $0 += milliseconds } }
    }

    init() async throws {
        let clock = Clock()
        self.clock = clock
        path =
            FileManager.default.temporaryDirectory
            .appending(path: "ting-fuzz-\(UUID().uuidString)").path
        try Operator.create(path, names: ["127.0.0.1"], configuration: ServerSettings())
        let folder = try DataFolder(existing: path)
        var logger = Logger(label: "fuzz")
        logger.logLevel = .critical
        var options = ServerOptions(
            folder: folder, configuration: ServerSettings(),
            listen: HostPort(host: "127.0.0.1", port: 0), schema: .sample, logger: logger)
        options.now = clock.now
        let server = try RunningServer(options)
        let (ready, sayReady) = AsyncStream<HostPort>.makeStream()
        let (groups, sayGroup) = AsyncStream<ServiceGroup>.makeStream()
        running = Task {
            defer {
                sayGroup.finish()
                sayReady.finish()
            }
            try await server.run(started: { sayGroup.yield($0) }, onReady: { sayReady.yield($0) })
        }
        guard let group = await groups.first(where: { _ in true }),
            let address = await ready.first(where: { _ in true })
        else { throw FuzzFinding("the server does not start") }
        (self.group, self.address) = (group, address)

        desk = try Operator(folder, schema: .sample, now: clock.now)
        owner = try Self.seat("anna@example.org", .owner, desk)
        editor = try Self.seat("bo@example.org", .editor, desk)
        code = try Self.invite("chen@example.org", .viewer, desk)
        guard let epoch = try desk.status().workspaces.first.flatMap({ Epoch($0.epoch) }) else {
            throw FuzzFinding("the workspace is not there")
        }
        self.epoch = epoch

        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file("\(path)/tls/ca.pem")
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.tlsConfiguration = tls
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        var offers = tls
        offers.applicationProtocols = ["h2"]
        raw = (
            http1: try NIOSSLContext(configuration: tls),
            http2: try NIOSSLContext(configuration: offers)
        )
    }

    private static func invite(_ email: String, _ role: Role, _ desk: Operator) throws -> String {
        try desk.invite(
            Invitation(name: email, email: email, workspace: nil, role: role), to: slug,
            mayCreate: true, url: nil
        ).address.code
    }

    private static func seat(_ email: String, _ role: Role, _ desk: Operator) throws -> Guest {
        let key = P256.Signing.PrivateKey()
        let joined = try desk.accounts.join(
            code: invite(email, role, desk), device: "laptop",
            publicKey: Array(key.publicKey.x963Representation))
        guard let joined else { throw FuzzFinding("a new code is refused") }
        return Guest(
            member: joined.caller.member, device: joined.caller.device, token: joined.token,
            key: key)
    }

    func stop() async throws {
        try await client.shutdown()
        await group.triggerGracefulShutdown()
        try await running.value
        try desk.accounts.close()
        try FileManager.default.removeItem(atPath: path)
    }

    /// Whether its two members may still do what they could at the beginning.
    var isAsMade: Bool {
        get throws {
            try [(owner, Role.owner), (editor, .editor)].allSatisfy { guest, role in
                guard let sender = try desk.accounts.sender(guest.device) else { return false }
                return try desk.accounts.access(of: sender.caller, slug: Self.slug)?.role == role
            }
        }
    }

    /// What holds whatever was asked: the accounts are whole, and somebody owns the workspace.
    func check() throws {
        let problems = try desk.accounts.problems()
        try FuzzFinding.check(problems.isEmpty, problems.joined(separator: " "))
        try FuzzFinding.check(desk.hasOwner(Self.slug), "the workspace has no owner")
    }

    // MARK: Asking

    struct Answer: Sendable {
        let status: Int
        let mediaType: String
        let isPacked: Bool
        /// `nil` for a stream of events, which has no end.
        let body: [UInt8]?
    }

    /// - Returns: The answer; `nil` where the client does not send such a request.
    func ask(_ request: HTTPClientRequest, at path: String) async throws -> Answer? {
        var request = request
        request.url = "https://\(address)\(path)"
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, timeout: .seconds(20))
        } catch let error as HTTPClientError
            where error != .readTimeout && error != .deadlineExceeded
        {
            return nil
        }
        let mediaType = response.headers.first(name: "content-type") ?? ""
        // Wrong codes count by the minute.
        if response.status == .tooManyRequests { clock.advance(milliseconds: 60_000) }
        let hasEnd = mediaType != "text/event-stream"
        return Answer(
            status: Int(response.status.code), mediaType: mediaType,
            isPacked: response.headers.first(name: "content-encoding") == Gzip.name,
            body: hasEnd
                ? Array(try await response.body.collect(upTo: 64 << 20).readableBytesView) : nil)
    }

    /// Says anything, as one who speaks TLS and nothing else, and goes.
    func shout(_ pieces: [[UInt8]], isHTTP2: Bool) async throws {
        let tls = isHTTP2 ? raw.http2 : raw.http1
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: tls, serverHostname: nil))
                }
            }.connect(host: address.host, port: address.port).get()
        for piece in pieces { try? await channel.writeAndFlush(ByteBuffer(bytes: piece)).get() }
        try? await channel.close().get()
    }
}

/// The server that is asked now. It is made anew once it has heard much, or who asks may no more.
actor FuzzServers {
    static let shared = FuzzServers()
    private var current: FuzzServer?
    private var runs = 0

    func next() async throws -> FuzzServer {
        runs += 1
        if let current {
            if runs % 500 != 0, try current.isAsMade { return current }
            try await current.stop()
        }
        let made = try await FuzzServer()
        current = made
        return made
    }
}
