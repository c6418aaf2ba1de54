// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
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
}
