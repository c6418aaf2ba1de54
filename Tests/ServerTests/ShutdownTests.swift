// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Synchronization
import Testing
import TingCore
import TingServer
import TingStore

extension ServerTests {
    @Suite("A shutdown ends what is under way", .timeLimit(.minutes(2)))
    struct ShutdownTests {
        @Test(
            "a slow snapshot download completes after SIGTERM", arguments: ["--http1.1", "--http2"])
        func download(_ version: String) async throws {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            try await LargeSnapshot.plant(in: server.path, bytes: 12 << 20)
            let target = "\(server.path)-download"
            defer { try? FileManager.default.removeItem(atPath: target) }
            async let download = Program.run([
                "curl", "-sS", "--cacert", server.ca, version, "--limit-rate", "12M", "-o", target,
                "-w",
                "%{http_code} %{size_download} %header{content-length}", "-H",
                "Authorization: Bearer \(token)", "\(server.url)/v1/workspaces/team/snapshot",
            ])
            while (try? FileManager.default.attributesOfItem(atPath: target)[.size] as? Int) ?? 0
                == 0
            {
                try await Task.sleep(for: .milliseconds(10))
            }
            server.signal(SIGTERM)
            let words = try await download.output.split(separator: " ")
            #expect(words.first == "200")
            #expect(try #require(Int(words[1])) == 12 << 20 && words[1] == words[2], "\(words)")
            #expect(await server.end() == 0)
        }

        @Test(
            "streams end at once, and a client that answers nothing holds up no shutdown",
            arguments: ["http/1.1", "h2"])
        func streams(_ version: String) async throws {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            let client = try await RawClient(server.address, ca: server.ca, protocols: [version])
            let path = "/v1/workspaces/team/follow"
            if version == "h2" {
                try await client.send(Frame.preface + Frame.settings())
                try await client.send(
                    Frame.headers(1, "GET", path, [("authorization", "Bearer \(token)")]))
            } else {
                try await client.send(
                    "GET \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n")
            }
            #expect(try await client.hears("event: head"))
            let silent = try await RawClient(server.address, ca: server.ca, protocols: nil)
            let start = ContinuousClock.now
            server.signal(SIGTERM)
            #expect(await server.end() == 0)
            // Far below the 30 s that it gives to downloads.
            #expect(ContinuousClock.now - start < .seconds(15))
            #expect(!silent.text.contains("x"))
        }
    }
}
