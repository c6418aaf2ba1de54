// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Synchronization
import Testing
import TingCore
import TingServer
import TingStore

extension ServerTests {
    /// What other programs see of the port: `openssl` and `curl`.
    @Suite("One port, HTTP/1.1 and HTTP/2 over TLS", .timeLimit(.minutes(2)))
    struct TransportTests {
        @Test("ALPN chooses the version of HTTP; the CA is in the chain; TLS is 1.3")
        func alpn() async throws {
            let server = try await ServerProcess()
            for name in ["h2", "http/1.1"] {
                let found = try await server.openssl(
                    "-alpn", name, "-CAfile", server.ca, "-showcerts")
                #expect(found.output.contains("ALPN protocol: \(name)"))
                #expect(found.output.contains("Verify return code: 0 (ok)"))
                #expect(found.output.contains("New, TLSv1.3"))
                #expect(found.output.components(separatedBy: "BEGIN CERTIFICATE").count == 3)
            }
            // Who offers nothing speaks HTTP/1.1; who offers nothing we know is sent away.
            #expect(
                try await server.openssl("-CAfile", server.ca).output.contains("No ALPN negotiated")
            )
            let plain = try await server.curl(
                "--no-alpn", "-w", "%{http_version}", "\(server.url)/healthz")
            #expect(plain.output == "ok\n1.1")
        }

        @Test(
            "TLS 1.2 is spoken only when the operator asks, and nothing older",
            arguments: [false, true])
        func oldTLS(_ isAsked: Bool) async throws {
            let server = try await isAsked ? ServerProcess("--tls-min", "1.2") : ServerProcess()
            let found = try await server.openssl("-tls1_2", "-CAfile", server.ca)
            #expect(found.output.contains("Cipher is (NONE)") != isAsked)
            let health = try await server.curl("--tls-max", "1.2", "\(server.url)/healthz")
            #expect((health.output == "ok\n") == isAsked)
            #expect(try await server.curl("\(server.url)/healthz").output == "ok\n")
            let older = try await server.openssl("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
            #expect(older.output.contains("Cipher is (NONE)"))
        }

        @Test(
            "each endpoint answers curl, over both versions of HTTP",
            arguments: ["--http1.1", "--http2"])
        func curl(_ version: String) async throws {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            let team = "\(server.url)/v1/workspaces/team"
            func ask(_ words: String...) async throws -> (code: String, body: String) {
                let result = try await Program.run(
                    [
                        "curl", "-sS", "--cacert", server.ca, version, "-w", "\n%{http_code}", "-H",
                        "Authorization: Bearer \(token)", "-H", "Content-Type: application/json",
                    ] + words)
                #expect(result.errors.isEmpty, "\(words): \(result.errors)")
                let end = result.output.lastIndex(of: "\n") ?? result.output.startIndex
                return (String(result.output[end...].dropFirst()), String(result.output[..<end]))
            }
            for path in [
                "\(server.url)/v1/workspaces", "\(server.url)/v1/devices", team, "\(team)/entries",
                "\(team)/members", "\(team)/snapshot/manifest", "\(server.url)/metrics",
            ] {
                #expect(try await ask(path).code == "200", "\(path)")
                #expect(try await ask("-I", path).code == "200", "\(path)")
            }
            let epoch = try #require(
                try await ask(team).body.firstMatch(of: /"epoch":"([^"]+)"/)?.1)
            let zeros = String(repeating: "0", count: 64)
            let sync = try await ask(
                "\(team)/sync", "-d",
                #"{"protocol":1,"schema":1,"replica":"00000000-0000-4000-8000-000000000000","base":{"epoch":"\#(epoch)","version":0},"history_digest":"\#(zeros)","state_digest":"\#(StateDigest().hash)","sent":0}"#
            )
            #expect(
                sync.code == "200" && sync.body.contains(#""digests_agree":true"#), "\(sync.body)")
            let invited = try await ask(
                "\(team)/invitations", "-d",
                #"{"name":"Li","email":"li@example.cn","role":"viewer"}"#)
            #expect(
                invited.code == "201"
                    && invited.body.contains("ting://\(server.address)/join?code="))
            let list = try await ask("\(team)/members").body
            let li = try #require(
                list.firstMatch(of: /"id":"([^"]+)","name":"Li"/)?.1)
            let changed = try await ask(
                "-X", "PATCH", "\(team)/members/\(li)", "-d", #"{"role":"editor"}"#)
            #expect(changed.code == "200" && changed.body.contains(#""role":"editor""#))
            #expect(try await ask("-X", "DELETE", "\(team)/members/\(li)").code == "204")
            #expect(try await ask("\(team)/snapshot", "-o", "/dev/null").code == "200")
            #expect(
                try await ask("\(team)/snapshot", "-o", "/dev/null", "-r", "0-99").code == "206")
            #expect(try await ask("\(team)/snapshot", "-r", "99999999-").code == "416")
            let follow = try await Program.run([
                "curl", "-sS", "--cacert", server.ca, version, "-N", "-m", "1", "-H",
                "Authorization: Bearer \(token)", "\(team)/follow",
            ])
            #expect(follow.output.hasPrefix("event: head\ndata: {"))
            // Answers whose HTTP/1.1 form has headers that HTTP/2 forbids.
            let big = "\(server.path)/big"
            try Data(repeating: 0x20, count: Limits.smallRequestByteLimit + 1).write(
                to: URL(fileURLWithPath: big))
            #expect(try await ask("\(team)/invitations", "--data-binary", "@\(big)").code == "413")
            #expect(try await ask(team, "-H", "Ting-Protocol: 9").code == "426")
        }

        @Test(
            "SIGHUP shows a replaced certificate to new connections; open ones go on; a bad one is not taken"
        )
        func hangup() async throws {
            let folder = TestFolder.new()
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let (chain, key) = ("\(folder)/chain.pem", "\(folder)/key.pem")
            let authority = try CertificateAuthority(now: Date())
            func issue() throws {
                let issued = try authority.issue(names: ["localhost", "127.0.0.1"], now: Date())
                try Data(issued.chainPEM.utf8).write(to: URL(fileURLWithPath: chain))
                try Data(issued.keyPEM.utf8).write(to: URL(fileURLWithPath: key))
            }
            try issue()
            let server = try await ServerProcess("--tls-cert", chain, "--tls-key", key)
            let first = try await server.serial(trusting: chain)
            let open = try await RawClient(server.address, ca: chain)
            let ask = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            try await open.send(ask)
            #expect(try await open.hears("ok\n"))
            try issue()
            server.signal(SIGHUP)
            var second = first
            while second == first { second = try await server.serial(trusting: chain) }
            try await open.send(ask)
            #expect(try await open.hears("ok\nHTTP/1.1 200 OK"))
            // A key of another certificate: what is in use stays.
            try Data(try authority.issue(names: ["localhost"], now: Date()).keyPEM.utf8).write(
                to: URL(fileURLWithPath: key))
            server.signal(SIGHUP)
            try await Task.sleep(for: .milliseconds(200))
            #expect(try await server.serial(trusting: chain) == second)
        }

        @Test("SIGHUP ends no server that has only begun to start")
        func earlyHangup() async throws {
            let path = TestFolder.new()
            defer { try? FileManager.default.removeItem(atPath: path) }
            try #require(try await Program.tingd("init", "--data", path).code == 0)
            let folder = try DataFolder(existing: path)
            let said = "\(path)/said"
            for _ in 0..<3 {
                try #require(FileManager.default.createFile(atPath: said, contents: nil))
                let process = Process()
                process.executableURL = URL(fileURLWithPath: Program.tingdPath)
                process.arguments = [
                    "serve", "--data", path, "--listen", "127.0.0.1:0", "--log-level", "error",
                ]
                process.standardOutput = FileHandle(forWritingAtPath: said)
                try process.run()
                // It has its folder, and nothing yet that waits for the signal.
                while process.isRunning, !FolderLock.isHeld(folder) {
                    try await Task.sleep(for: .milliseconds(1))
                }
                kill(process.processIdentifier, SIGHUP)
                while process.isRunning, try String(contentsOfFile: said, encoding: .utf8).isEmpty {
                    try await Task.sleep(for: .milliseconds(10))
                }
                #expect(process.isRunning)
                kill(process.processIdentifier, SIGTERM)
                while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
                #expect(process.terminationStatus == 0)
            }
        }

        @Test("the server renews its own certificate 30 days before the end, without a restart")
        func renewal() async throws {
            // Made 390 days ago by the server's clock, good for 397: then the clock moves to today.
            let clock = Setting(TestServer.clock() - 390 * 86_400_000)
            var bounds = ServerBounds()
            bounds.certificateLook = .milliseconds(20)
            try await TestServer.run(now: { clock.value }, bounds: bounds) { server in
                let (ca, address) = ("\(server.path)/tls/ca.pem", "\(server.address)")
                let first = try await Program.serial(address, trusting: ca)
                // 31 days before the end nothing happens yet.
                clock.value = TestServer.clock() - 24 * 86_400_000
                try await Task.sleep(for: .milliseconds(100))
                #expect(try await Program.serial(address, trusting: ca) == first)
                clock.value = TestServer.clock()
                var second = first
                while second == first { second = try await Program.serial(address, trusting: ca) }
                let found = try await Program.run(
                    ["openssl", "s_client", "-connect", address, "-CAfile", ca])
                #expect(found.output.contains("Verify return code: 0 (ok)"))
                // The names, the CA and so the pin are the same; the files hold what is shown.
                #expect(
                    try server.asOperator { try $0.status().certificateEnd } > Date() + 390 * 86_400
                )
                #expect(try await server.call(.GET, "/healthz").status == 200)
            }
        }
    }
}

/// A value that a test sets while others read it.
final class Setting: Sendable {
    private let stored: Mutex<Int64>

    init(_ value: Int64) { stored = Mutex(value) }

    var value: Int64 {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}

extension Program {
    /// The serial number of the certificate that a server shows now.
    static func serial(_ address: String, trusting ca: String) async throws -> String {
        let shown = try await run(["openssl", "s_client", "-connect", address, "-CAfile", ca])
        return try await run(["openssl", "x509", "-noout", "-serial"], input: shown.output).output
    }
}

extension ServerProcess {
    func openssl(_ words: String...) async throws -> Program.Result {
        try await Program.run(["openssl", "s_client", "-connect", "\(address)"] + words)
    }

    func serial(trusting ca: String) async throws -> String {
        try await Program.serial("\(address)", trusting: ca)
    }
}
