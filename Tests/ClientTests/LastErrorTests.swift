// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import NIOSSL
import Testing
import TingCore
import TingStore
import TingTesting

@testable import TingClient

/// What stands between a replica and its server.
private struct Obstacle: CustomTestStringConvertible, Sendable {
    var name: String
    /// What `status` says; `<server>` stands for its address, `<date>` for any date.
    var says: String
    var meet: @Sendable () async throws -> (ServerConnection, LittleServer?)

    var testDescription: String { name }

    init(
        _ name: String, says: String,
        meet: @escaping @Sendable () async throws -> (ServerConnection, LittleServer?)
    ) {
        (self.name, self.says, self.meet) = (name, says, meet)
    }

    /// A server that answers every request alike.
    static func answer(
        _ name: String, says: String, _ status: Int = 200, type: String = Request.protobuf,
        body: String = "", headers: [String: String] = [:]
    ) -> Obstacle {
        Obstacle(name, says: says) {
            let authority = try Authority()
            return try await serve(authority.server(), trusting: authority) { _ in
                var answer = LittleServer.Answer(status: status)
                answer.headers = headers.merging(["Content-Type": type]) { $1 }
                answer.body = Array(body.utf8)
                return answer
            }
        }
    }

    /// A refusal with the words of the server's own code.
    static func problem(_ code: String, _ status: Int, _ detail: String, _ remedy: String)
        -> Obstacle
    {
        let body =
            #"{"code":"\#(code)","title":"t","status":\#(status),"detail":"\#(detail)","remedy":"\#(remedy)"}"#
        return .answer(
            code, says: "\(detail) \(remedy)", status, type: "application/problem+json", body: body)
    }

    /// A certificate that is not what it should be.
    static func certificate(
        _ name: String, says: String, host: String = "127.0.0.1", serverTime: Date = Date(),
        _ identity:
            @escaping @Sendable (Authority) throws -> (
                chain: [NIOSSLCertificate], key: NIOSSLPrivateKey
            )
    ) -> Obstacle {
        Obstacle(name, says: says) {
            let authority = try Authority()
            return try await serve(identity(authority), host: host, trusting: authority) { _ in
                LittleServer.Answer(headers: [
                    "Content-Type": Request.protobuf,
                    "Date": CertificateTests.httpDate(serverTime),
                ])
            }
        }
    }

    private static func serve(
        _ identity: (chain: [NIOSSLCertificate], key: NIOSSLPrivateKey),
        host: String = "127.0.0.1", trusting authority: Authority,
        answer: @escaping @Sendable (LittleServer.Asked) -> LittleServer.Answer
    ) async throws -> (ServerConnection, LittleServer?) {
        let server = try await LittleServer(
            chain: identity.chain, key: identity.key, answer: answer)
        return (try connection(host, server.port, .authority(pem: authority.pem)), server)
    }

    static func connection(
        _ host: String, _ port: Int, _ anchor: TrustAnchor = .system
    ) throws -> ServerConnection {
        try ServerConnection(
            ServerAddress(host: host, port: port), anchor: anchor, token: "secret",
            timeout: .seconds(1), environment: [:])
    }
}

private let keptOffline =
    "Edits are kept and can go on offline; check the network, then run the command again."
private let portal =
    "A network that wants a sign-in page, or a proxy, may be in between: open a web page to sign in, or check HTTPS_PROXY."

private let obstacles: [Obstacle] = [
    Obstacle(
        "a name that nobody knows",
        says: "The server <server> was not reached: its name is not known here. \(keptOffline)"
    ) { (try Obstacle.connection("no-such-host.invalid", 443), nil) },
    Obstacle(
        "a port where nothing listens",
        says: "The server <server> was not reached: nothing listens there. \(keptOffline)"
    ) { (try Obstacle.connection("127.0.0.1", 1), nil) },
    .answer(
        "a captive portal: a web page where an answer is due",
        says:
            "Something else than Ting answered in place of <server>: a web page. \(portal)",
        type: "text/html", body: "<html>Welcome to the hotel</html>"),
    .answer(
        "a captive portal: a redirect",
        says: "Something else than Ting answered in place of <server>: a redirect. \(portal)", 302,
        type: "text/html", headers: ["Location": "http://hotel.example/"]),
    .certificate(
        "a certificate that ended",
        says:
            "The certificate of <server> ended on <date>. Ask the operator to renew it; edits are kept meanwhile."
    ) {
        try $0.server(from: Date() - 40 * Authority.day, to: Date() - 2 * Authority.day)
    },
    .certificate(
        "a certificate of another CA",
        says:
            "The certificate of <server> is signed by a CA that this device does not trust. Another server, or somebody in between, may be answering; if the server was set up anew, join again with a new address."
    ) { _ in try Authority().server() },
    .certificate(
        "a certificate for another name",
        says:
            "The certificate of <server> is for another name. Use a name that the certificate has; the operator adds one with `tingd certificate --host 127.0.0.1`."
    ) { try $0.server(name: "other.example") },
    .certificate(
        "a certificate of tomorrow, on a server whose clock is wrong",
        says:
            "The certificate of <server> is valid only from <date>. Check this computer's clock, and ask the operator to check the server's."
    ) {
        try $0.server(from: Date() + 2 * Authority.day, to: Date() + 30 * Authority.day)
    },
    .certificate(
        "a clock here that is off by years",
        says:
            "This computer's clock says <date>, the server's <date>: its certificate is not valid at your date. Set this computer's clock, then run the command again; edits are kept.",
        serverTime: Date() + 2000 * Authority.day
    ) {
        try $0.server(from: Date() + 1999 * Authority.day, to: Date() + 2001 * Authority.day)
    },
    .problem(
        "unauthorized", 401, "The token is missing, unknown, or was revoked.",
        "Join the server again with a new join address."),
    .problem(
        "workspace_not_found", 404, "There is no such workspace, or you are not a member of it.",
        "Check the name with `ting workspaces`, or ask an owner to invite you."),
    .problem(
        "protocol_unsupported", 426, "The request speaks protocol 1; the server speaks 2.",
        "Upgrade this program, or ask for the server's upgrade."),
    .problem(
        "storage_full", 507, "The server's disk is full. Nothing was accepted.",
        "Ask the administrator to free space; edits stay in the outbox and are sent again."),
    .problem(
        "unavailable", 503, "The server is stopping.",
        "Try again in a little while; nothing is lost."),
    .answer(
        "an answer that is none",
        says:
            "Something else than Ting answered in place of <server>: bytes that are no answer of Ting (epoch: it is not a lower-case UUID). \(portal)"
    ),
]

@Suite("After a sync that failed, status says why")
struct LastErrorTests {
    @Test(
        "in one sentence, with a remedy and no promise of a retry; none is a verdict on what waits",
        .tags(.promise4, .promise12),
        arguments: obstacles)
    fileprivate func sentence(_ obstacle: Obstacle) async throws {
        let team = try Team(1)
        let replica = team.replicas[0]
        try replica.write { try $0.execute(sql: "INSERT INTO project (title) VALUES ('Waits')") }
        let waiting = try replica.outbox()
        let (connection, server) = try await obstacle.meet()
        let line = WorkspaceLine(connection: connection, slug: "team", path: replica.path)
        let session = SyncSession(
            replica, over: line, clock: HastyClock(), patience: .seconds(3), now: { 0 })
        await #expect(throws: ClientError.self) { _ = try await session.run() }
        let status = try replica.status()
        let said = (status.lastError ?? "").replacing(
            connection.server.description, with: "<server>"
        ).replacing(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/, with: "<date>")
        #expect(said == obstacle.says)
        #expect(status.nextRetry == nil)
        #expect(status.lastSync == nil)
        #expect(try replica.outbox() == waiting)
        #expect((status.outbox, status.quarantine) == (1, 0))
        await connection.close()
        await server?.stop()
    }

    @Test("a full disk is told in plain words, and what waits is counted all the same")
    func fullDisk() throws {
        let team = try Team(1)
        let replica = team.replicas[0]
        #expect(
            SyncSession.sentence(DatabaseError(resultCode: .SQLITE_FULL))
                == "The disk is full: what arrived was not kept. Free some space, then run `ting sync`."
        )
        let other = try DatabaseQueue(path: replica.path)
        let text = String(repeating: "text ", count: 40_000)
        try other.writeWithoutTransaction { db in
            try db.execute(sql: "INSERT INTO project (summary) VALUES (?)", arguments: [text])
        }
        try replica.tamper { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            try db.execute(sql: "PRAGMA max_page_count = \(pages)")
        }
        let status = try replica.status()
        #expect(status.unsealed == .SQLITE_FULL)
        #expect(status.outbox == 1)
        let home = ClientHome(
            configurationFolder: team.folder.path, dataFolder: team.folder.path)
        let notices = try home.notices(
            status, of: replica.identity(), path: replica.path,
            now: #require(status.oldestUnsynced))
        #expect(notices.map(\.code) == ["not_signed_in", "storage_full"])
        try replica.tamper { db in try db.execute(sql: "PRAGMA max_page_count = 1000000") }
        let after = try replica.status()
        #expect(after.outbox == 1 && after.unsealed == nil)
    }

    @Test("a damaged file is told as everywhere else, with the way to a new replica")
    func damagedFile() {
        let damaged = ReplicaError.damaged("")
        for code in [ResultCode.SQLITE_CORRUPT, .SQLITE_NOTADB] {
            let problem = SyncSession.problem(code)
            #expect((problem.code, problem.remedy) == (damaged.code, damaged.remedy))
            #expect(SyncSession.sentence(DatabaseError(resultCode: code)).hasSuffix(damaged.remedy))
        }
        let malformed = StoredFormError.malformed("value")
        #expect(SyncSession.sentence(malformed).hasSuffix(damaged.remedy))
    }

    /// A line that gives out while the server is being given back what it lost.
    private struct CutLine: SyncLine {
        let response: SyncResponse
        var failure = ClientError.lost(ServerAddress(host: "a.example", port: 443))
        func exchange(_ request: SyncRequest) async throws -> SyncResponse { response }
        func mend(_ request: MendRequest) async throws -> MendResponse { throw failure }
        func giveBack(_ request: GiveBackRequest) async throws -> GiveBackResponse {
            throw failure
        }
        func snapshot() async throws -> String { throw failure }
    }

    @Test(
        "a workspace or a snapshot that is not found, on the way to another history, is no verdict",
        .tags(.promise4), arguments: [true, false])
    func notFound(isRestored: Bool) async throws {
        let team = try Team(1)
        let replica = team.replicas[0]
        try replica.write { try $0.execute(sql: "INSERT INTO project (title) VALUES ('Sent')") }
        try team.sync(0)
        try replica.write { try $0.execute(sql: "UPDATE project SET title = 'Waits'") }
        let (waiting, before) = (try replica.outbox(), try replica.identity())
        var response = try team.workspace.reply(
            to: replica.nextRequest(), judgement: .init(), role: .editor, members: nil,
            membersVersion: 1, now: 0)
        if isRestored {
            var generator = SystemRandomNumberGenerator()
            response.epoch = .random(using: &generator)
            response.historyAgrees = false
        } else {
            response.floor = 5
        }
        let missing = ClientError(
            .requestWide, code: "workspace_not_found", "There is no such workspace.",
            remedy: "Check the name.", status: 404)
        let session = SyncSession(
            replica, over: CutLine(response: response, failure: missing), clock: HastyClock(),
            patience: .seconds(3), now: { 0 })
        let error = await #expect(throws: ClientError.self) { _ = try await session.run() }
        #expect(error?.code == "workspace_not_found")
        #expect(try replica.outbox() == waiting)
        #expect(try replica.identity() == before)
        #expect(try replica.quarantine().isEmpty)
        let title = try replica.read { try String.fetchOne($0, sql: "SELECT title FROM project") }
        #expect(title == "Waits")
    }

    @Test(
        "a restored server that was not yet given back what it lost, and a floor above here, are named",
        .tags(.promise12))
    func unfinished() async throws {
        let team = try Team(1)
        let replica = team.replicas[0]
        let request = try replica.nextRequest()
        var response = try team.workspace.reply(
            to: request, judgement: .init(), role: .editor, members: nil, membersVersion: 1,
            now: 0)
        response.floor = 5
        let below = SyncSession(
            replica, over: CutLine(response: response), clock: HastyClock(),
            patience: .seconds(3), now: { 0 })
        await #expect(throws: ClientError.self) { _ = try await below.run() }
        #expect(
            try replica.status().lastError?.hasPrefix(
                "The server no longer keeps the history since the last sync; its snapshot did not come yet. The connection to a.example:443 was lost"
            ) == true)
        var generator = SystemRandomNumberGenerator()
        response.floor = 1
        response.epoch = .random(using: &generator)
        response.historyAgrees = false
        let restored = SyncSession(
            replica, over: CutLine(response: response), clock: HastyClock(),
            patience: .seconds(3), now: { 0 })
        await #expect(throws: ClientError.self) { _ = try await restored.run() }
        #expect(
            try replica.status().lastError?.hasPrefix(
                "The server was restored, and this replica has not yet given back what it lost. The connection to a.example:443 was lost"
            ) == true)
    }
}

extension Tag {
    @Tag static var promise12: Self
}
