// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing
import TingCore
import TingWire

@testable import TingClient

@Suite("Requests to a server")
struct ConnectionTests {
    private func serve(
        _ answer: @escaping @Sendable (LittleServer.Asked) -> LittleServer.Answer
    ) async throws -> (server: LittleServer, authority: Authority) {
        let authority = try Authority()
        let identity = try authority.server()
        return (
            try await LittleServer(chain: identity.chain, key: identity.key, answer: answer),
            authority
        )
    }

    private func connect(
        _ port: Int, _ authority: Authority, timeout: Duration = .seconds(5),
        environment: [String: String] = [:]
    ) throws -> ServerConnection {
        try ServerConnection(
            ServerAddress(host: "127.0.0.1", port: port), anchor: .authority(pem: authority.pem),
            token: "token", timeout: timeout, environment: environment)
    }

    /// Asks for the workspaces, and gives the error that comes of it.
    private func failure(_ connection: ServerConnection) async -> ClientError? {
        defer { Task { await connection.close() } }
        do {
            _ = try await connection.workspaces()
            return nil
        } catch { return error as? ClientError }
    }

    @Test("go through the proxy that the environment names, as a tunnel")
    func proxy() async throws {
        let (server, authority) = try await serve { _ in
            LittleServer.Answer(headers: ["Content-Type": Request.protobuf])
        }
        let proxy = try await LittleProxy(to: server.port)
        let environment = ["HTTPS_PROXY": "http://me:pass@127.0.0.1:\(proxy.port)"]
        #expect(await failure(try connect(server.port, authority, environment: environment)) == nil)
        let head = try #require(proxy.requests.first)
        #expect(head.hasPrefix("CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\n"))
        #expect(head.lowercased().contains("proxy-authorization: basic bwu6cgfzcw=="))
        #expect(server.asked.first?.headers["authorization"] == "Bearer token")
        // The first contact takes the same way.
        _ = try await FirstContact.authority(
            pinned: authority.pin(), at: ServerAddress(host: "127.0.0.1", port: server.port),
            proxy: ProxySettings(host: "127.0.0.1", port: proxy.port), timeout: .seconds(5))
        #expect(proxy.requests.count == 2)
    }

    @Test("NO_PROXY goes past it")
    func noProxy() async throws {
        let (server, authority) = try await serve { _ in
            LittleServer.Answer(headers: ["Content-Type": Request.protobuf])
        }
        let environment = ["ALL_PROXY": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"]
        #expect(await failure(try connect(server.port, authority, environment: environment)) == nil)
    }

    @Test(
        "how long a server asks to wait is told with its refusal, in seconds and at most five minutes",
        arguments: [("7", 7), ("86400", 300), ("Sun, 06 Nov 1994 08:49:37 GMT", nil), ("-1", nil)]
            as [(String, Int?)])
    func retryAfter(_ header: String, _ seconds: Int?) async throws {
        let (server, authority) = try await serve { _ in
            LittleServer.Answer(
                status: 503, headers: ["Retry-After": header],
                body: Array(#"{"code":"unavailable","detail":"The server is stopping."}"#.utf8))
        }
        let error = await failure(try connect(server.port, authority))
        #expect(error?.code == "unavailable")
        #expect(error?.retryAfter == seconds.map { .seconds($0) })
    }

    @Test("a join whose reply was lost is sent again with the same key", .tags(.promise5))
    func joinsAgain() async throws {
        let keys = Mutex<[Data]>([])
        let (server, authority) = try await serve { asked in
            let request = try? WireCoding.protobuf.decode(
                Ting_V1_JoinRequest.self, asked.body)
            let count = keys.withLock { keys in
                keys.append(request?.publicKey ?? Data())
                return keys.count
            }
            var answer = Ting_V1_JoinResponse()
            (answer.token, answer.device, answer.member) = ("t", "d", "m")
            let body = (try? WireCoding.protobuf.encode(answer)) ?? []
            return LittleServer.Answer(
                headers: ["Content-Type": Request.protobuf], body: body,
                cutAfter: count == 1 ? 3 : nil)
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let home = ClientHome(configurationFolder: folder, dataFolder: folder)
        let address = JoinAddress(
            server: ServerAddress(host: "127.0.0.1", port: server.port),
            code: "abcdefghijklmnopqrstuvwxyz", trust: .pin(try authority.pin()))
        func join() async throws {
            _ = try await home.join(
                address, device: "laptop", authorityFile: nil, schema: 1, timeout: .seconds(5),
                environment: [:])
        }
        await #expect(throws: ClientError.self) { try await join() }
        try await join()
        let sent = keys.withLock { $0 }
        #expect(sent.count == 2 && sent[0] == sent[1] && !sent[0].isEmpty)
        let left = try FileManager.default.subpathsOfDirectory(atPath: folder)
        #expect(!left.contains { $0.contains("joining") })
    }

    @Test("nothing that listens is a server not reached")
    func refused() async throws {
        let error = await failure(try connect(1, Authority()))
        #expect(error?.code == "server_not_reached")
        #expect(error?.isUnreached == true)
        #expect(error?.scope == .transient)
    }

    @Test("a server that accepts and says nothing is given up after the timeout")
    func silent() async throws {
        let (server, authority) = try await serve { _ in LittleServer.Answer(staysOpen: true) }
        let connection = try ServerConnection(
            ServerAddress(host: "127.0.0.1", port: server.port),
            anchor: .authority(pem: authority.pem),
            token: nil, timeout: .seconds(1), environment: [:])
        let error = await failure(connection)
        #expect(error?.isUnreached == true || error?.code == "foreign_answer")
    }

    @Test("a timeout of ages is one, also of the first contact", arguments: [Int64.max, 1 << 40])
    func ages(_ seconds: Int64) async throws {
        let (server, authority) = try await serve { _ in
            LittleServer.Answer(headers: ["Content-Type": Request.protobuf])
        }
        let connection = try connect(server.port, authority, timeout: .seconds(seconds))
        #expect(await failure(connection) == nil)
        _ = try await FirstContact.authority(
            pinned: authority.pin(), at: ServerAddress(host: "127.0.0.1", port: server.port),
            proxy: nil, timeout: .seconds(seconds))
    }

    @Test("a first contact that is cancelled waits no more", arguments: [0, 300])
    func cancelledContact(_ milliseconds: Int) async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(silent.localAddress?.port)
        let contact = Task {
            try await FirstContact.authority(
                pinned: .zero, at: ServerAddress(host: "127.0.0.1", port: port), proxy: nil,
                timeout: .seconds(3_600))
        }
        try await Task.sleep(for: .milliseconds(milliseconds))
        contact.cancel()
        await #expect(throws: CancellationError.self) { try await contact.value }
        try await silent.close()
    }

    @Test(
        "a first contact that finds no certificate says what it found instead",
        arguments: [
            ("", false, "server_not_reached", "it did not answer in time"),
            ("HTTP/1.1 400 Bad Request\r\n\r\n", false, "foreign_answer", "no TLS"),
            ("", true, "server_not_reached", "it did not answer in time"),
            ("HTTP/1.1 407 Who?\r\n\r\n", true, "server_not_reached", "a user name and password"),
            ("HTTP/1.1 403 No\r\n\r\n", true, "server_not_reached", "it refused to connect"),
        ])
    func noCertificate(
        _ says: String, _ isProxy: Bool, _ code: String, _ sentence: String
    ) async throws {
        let speaker = try await LittleSpeaker(saying: Array(says.utf8))
        let proxy = isProxy ? ProxySettings(host: "127.0.0.1", port: speaker.port) : nil
        let error = await #expect(throws: ClientError.self) {
            try await FirstContact.authority(
                pinned: .zero, at: ServerAddress(host: "127.0.0.1", port: speaker.port),
                proxy: proxy, timeout: .seconds(1))
        }
        #expect(error?.code == code)
        #expect(error?.sentence.contains(sentence) == true, "\(String(describing: error))")
        #expect(error?.sentence.contains("through the proxy") == isProxy)
        await speaker.stop()
    }

    @Test(
        "what is asked of a connection after its end fails for good, of whichever kind",
        arguments: [false, true])
    func closed(isLong: Bool) async throws {
        let connection = try connect(1, Authority())
        await connection.close()
        var asked = Request(.GET, "/v1/workspaces")
        asked.isLong = isLong
        let request = asked
        let error = await #expect(throws: ClientError.self) {
            _ = try await connection.send(request)
        }
        #expect(error?.code == "connection_closed")
        #expect(error?.scope == .requestWide)
    }

    @Test("a web page in place of an answer is told from a server of Ting")
    func portal() async throws {
        let (server, authority) = try await serve { _ in
            LittleServer.Answer(headers: ["Content-Type": "text/html"], body: Array("<html>".utf8))
        }
        let error = await failure(try connect(server.port, authority))
        #expect(error?.code == "foreign_answer")
        #expect(error?.sentence.contains("a web page") == true)
    }

    @Test(
        "a problem document keeps its code, and says who has to act",
        arguments: zip(
            [
                ProblemCode.unauthorized, .forbidden, .workspaceNotFound, .protocolUnsupported,
                .requestTooLarge, .unavailable, .storageFull, .internal, .tooManyRequests,
            ],
            [
                ClientError.Scope.requestWide, .requestWide, .requestWide, .requestWide,
                .requestWide,
                .transient, .transient, .transient, .transient,
            ]))
    func problems(_ code: ProblemCode, _ scope: ClientError.Scope) async throws {
        let problem = Problem(code)
        let body = try JSONEncoder().encode(problem)
        let (server, authority) = try await serve { _ in
            LittleServer.Answer(
                status: problem.status, headers: ["Content-Type": Problem.mediaType],
                body: Array(body))
        }
        let error = await failure(try connect(server.port, authority))
        #expect(error?.code == code.rawValue)
        #expect(error?.scope == scope)
        #expect(error?.remedy == problem.remedy)
        #expect(error?.isRefusal == [.unauthorized, .forbidden, .workspaceNotFound].contains(code))
    }

    @Test("a redirect is not followed: the token goes nowhere else")
    func redirect() async throws {
        let (server, authority) = try await serve { _ in
            LittleServer.Answer(status: 302, headers: ["Location": "https://127.0.0.1:1/"])
        }
        #expect(await failure(try connect(server.port, authority))?.code == "foreign_answer")
        #expect(server.asked.count == 1)
    }

    @Test("bytes that are no message are no answer")
    func garbage() async throws {
        let (server, authority) = try await serve { _ in
            LittleServer.Answer(
                headers: ["Content-Type": Request.protobuf], body: [0xff, 0xff, 0xff])
        }
        #expect(await failure(try connect(server.port, authority))?.code == "foreign_answer")
    }

    @Test("an own change set that is not here any more is asked for in full")
    func notHeld() async throws {
        let head = Hash(of: [1])
        let base = Base(epoch: Epoch(high: 1, low: 2), version: 3)
        let changeSet = ChangeSet(
            id: ChangeSetID(high: 5, low: 6), seed: [UInt8](repeating: 9, count: 16), schema: 1,
            base: base, time: 0, operations: [])
        let replica = ReplicaID(high: 3, low: 4)
        let response = SyncResponse(
            epoch: base.epoch, verdicts: [], clash: nil,
            entries: [
                Entry(
                    version: 4, changeSet: changeSet, author: MemberID(high: 7, low: 8),
                    replica: replica, number: 1, accepted: 0, shift: 0, effects: nil)
            ], head: 4, historyDigest: head, stateDigest: head, digestsAgree: true,
            historyAgrees: true, time: 0, members: nil, membersVersion: 0, role: .editor)
        let (server, authority) = try await serve { asked in
            let isCompact =
                (try? WireCoding.protobuf.decode(Ting_V1_SyncRequest.self, asked.body))?
                .hasStanding == true
            let message = isCompact ? response.terseWire(to: replica) : response.wire
            return LittleServer.Answer(
                headers: ["Content-Type": Request.protobuf],
                body: (try? WireCoding.protobuf.encode(message)) ?? [])
        }
        let connection = try connect(server.port, authority)
        let request = SyncRequest(
            replica: replica, base: base, historyDigest: head, stateDigest: head, schema: 1,
            sent: 0, membersVersion: 0, pageByteLimit: Limits.pageByteLimit, deliveries: [])
        #expect(try await connection.sync("team", request) == response)
        #expect(server.asked.count == 2)
        // From the outbox, and from what this request delivers, it needs no second one.
        let outbox = { (hash: Hash) in hash == changeSet.hash ? changeSet : nil }
        #expect(try await connection.sync("team", request, outbox: outbox) == response)
        var delivering = request
        delivering.deliveries = [Delivery(number: 1, changeSet: changeSet)]
        #expect(try await connection.sync("team", delivering) == response)
        #expect(server.asked.count == 4)
        // The number is there, but under it lies another change set: this file is a copy.
        delivering.deliveries[0].changeSet.message = "another"
        #expect(try await connection.sync("team", delivering) == response)
        #expect(server.asked.count == 6)
        await connection.close()
    }

    @Test("a bomb and a broken body in gzip are no answers of Ting")
    func packedAnswers() async throws {
        let long = Array(String(repeating: "0123456789", count: 100).utf8)
        let bomb = try #require(try Self.gzip(of: 32 << 20))
        for (body, says) in [(long, "not the gzip"), (bomb, "more bytes")] {
            let (server, authority) = try await serve { _ in
                LittleServer.Answer(
                    headers: ["Content-Type": Request.protobuf, "Content-Encoding": "gzip"],
                    body: body)
            }
            let error = await failure(try connect(server.port, authority))
            #expect(error?.code == "foreign_answer")
            #expect(error?.sentence.contains(says) == true)
        }
    }

    /// So many bytes of nothing, as `gzip` packs them.
    private static func gzip(of count: Int) throws -> [UInt8]? {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "head -c \(count) /dev/zero | gzip -9"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        return try output.fileHandleForReading.readToEnd().map(Array.init)
    }
}
