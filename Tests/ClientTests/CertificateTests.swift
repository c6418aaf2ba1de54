// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOSSL
import Testing
import TingCore

@testable import TingClient

@Suite("Whom a client trusts")
struct CertificateTests {
    private func serve(
        _ identity: (chain: [NIOSSLCertificate], key: NIOSSLPrivateKey), date: String? = nil
    ) async throws -> LittleServer {
        try await LittleServer(chain: identity.chain, key: identity.key) { _ in
            var answer = LittleServer.Answer()
            answer.headers = ["Content-Type": Request.protobuf, "Date": date ?? ""]
            return answer
        }
    }

    /// Asks a server for workspaces, and gives the error that comes of it.
    private func failure(
        _ server: LittleServer, host: String = "127.0.0.1", trusting authority: Authority
    ) async throws -> ClientError? {
        let connection = try ServerConnection(
            ServerAddress(host: host, port: server.port), anchor: .authority(pem: authority.pem),
            token: "secret", timeout: .seconds(5), environment: [:])
        defer { Task { await connection.close() } }
        do {
            _ = try await connection.workspaces()
            return nil
        } catch { return error as? ClientError }
    }

    @Test("a certificate of the CA, for the name, is taken: by address and by name")
    func good() async throws {
        let authority = try Authority()
        let byAddress = try await serve(authority.server())
        #expect(try await failure(byAddress, trusting: authority) == nil)
        let byName = try await serve(authority.server(name: "localhost"))
        #expect(try await failure(byName, host: "localhost", trusting: authority) == nil)
        #expect(byName.asked.first?.headers["authorization"] == "Bearer secret")
    }

    @Test("another CA is refused, with the name it goes by, before the token leaves")
    func unknownAuthority() async throws {
        let server = try await serve(Authority().server())
        let error = try await failure(server, trusting: Authority())
        #expect(error?.code == "certificate_unknown_ca")
        #expect(server.asked.isEmpty)
    }

    @Test("a certificate for another name is refused")
    func wrongName() async throws {
        let authority = try Authority()
        let byName = try await serve(authority.server(name: "other.example"))
        #expect(
            try await failure(byName, host: "localhost", trusting: authority)?.code
                == "certificate_wrong_name")
        #expect(try await failure(byName, trusting: authority)?.code == "certificate_wrong_name")
        #expect(byName.asked.isEmpty)
    }

    @Test("an ended certificate is refused, and its end named")
    func expired() async throws {
        let authority = try Authority()
        // A certificate holds whole seconds: of a part of one it may make the next minute.
        let now = Date().timeIntervalSince1970.rounded(.down)
        let end = Date(timeIntervalSince1970: now) - 2 * Authority.day
        let server = try await serve(
            authority.server(from: end - 30 * Authority.day, to: end), date: Self.httpDate(Date()))
        let error = try await failure(server, trusting: authority)
        #expect(error?.code == "certificate_expired")
        #expect(error?.sentence.contains(HTTPDate.text(end)) == true)
    }

    @Test("a wrong local clock is named as the cause, with the server's time", .tags(.promise9))
    func wrongClock() async throws {
        let authority = try Authority()
        let serverTime = Date() + 2000 * Authority.day
        let server = try await serve(
            authority.server(
                from: serverTime - Authority.day, to: serverTime + Authority.day),
            date: Self.httpDate(serverTime))
        let error = try await failure(server, trusting: authority)
        #expect(error?.code == "clock_wrong")
        #expect(error?.serverTime.map { $0 / 1000 } == Int64(serverTime.timeIntervalSince1970))
        #expect(error?.sentence.contains(HTTPDate.text(serverTime)) == true)
    }

    @Test("the first contact takes the pinned CA out of the chain, and no other")
    func firstContact() async throws {
        let authority = try Authority()
        let server = try await serve(authority.server())
        let address = ServerAddress(host: "127.0.0.1", port: server.port)
        let anchor = try await FirstContact.authority(
            pinned: authority.pin(), at: address, proxy: nil, timeout: .seconds(5))
        guard case .authority(let pem) = anchor else {
            Issue.record("no authority")
            return
        }
        let kept = try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))
        #expect(try kept.map { Hash(of: try $0.toDERBytes()) } == [authority.pin()])
        let error = await #expect(throws: ClientError.self) {
            try await FirstContact.authority(
                pinned: Authority().pin(), at: address, proxy: nil, timeout: .seconds(5))
        }
        #expect(error?.code == "pin_mismatch")
        #expect(server.asked.isEmpty)
    }

    @Test("TLS that is refused before a certificate came is not blamed on one")
    func refusedHandshake() async throws {
        // The alert handshake_failure (RFC 8446 § 6.2).
        let speaker = try await LittleSpeaker(saying: [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28])
        let address = ServerAddress(host: "127.0.0.1", port: speaker.port)
        let connection = try ServerConnection(
            address, anchor: .authority(pem: Authority().pem), token: "secret",
            timeout: .seconds(5), environment: [:])
        let error = await #expect(throws: ClientError.self) {
            _ = try await connection.workspaces()
        }
        #expect(error?.code == "tls_failed")
        #expect(error?.isUnreached == true)
        let contact = await #expect(throws: ClientError.self) {
            try await FirstContact.authority(
                pinned: .zero, at: address, proxy: nil, timeout: .seconds(5))
        }
        #expect(contact?.code == "tls_failed")
        await connection.close()
        await speaker.stop()
    }

    static func httpDate(_ date: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter.string(from: date)
    }
}

extension Tag {
    @Tag static var promise3: Self
    @Tag static var promise4: Self
    @Tag static var promise5: Self
    @Tag static var promise9: Self
}
