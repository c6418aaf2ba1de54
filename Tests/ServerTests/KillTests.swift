// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import Synchronization
import Testing
import TingCore
import TingServer

/// What clients sent, and what they were told of it.
private final class Record: Sendable {
    struct State {
        /// By change set: the verdict that a client was told.
        var told: [ChangeSetID: Verdict] = [:]
        /// Sent, and perhaps accepted: the reply never came.
        var unanswered = 0
    }

    let state = Mutex(State())
}

extension ServerTests {
    @Suite("A server that is killed", .tags(.promise1, .promise5), .timeLimit(.minutes(3)))
    struct KillTests {
        @Test("SIGTERM leaves everything in the workspaces' files, and nothing in their logs")
        func stopped() async throws {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            try await server.push(token, texts: 3, bytes: 10_000)
            let folder = "\(server.path)/workspaces"
            func logs() throws -> [Int] {
                try FileManager.default.contentsOfDirectory(atPath: folder)
                    .filter { $0.hasSuffix("-wal") }
                    .map { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)")).count }
            }
            #expect(try logs().contains { $0 > 30_000 })
            server.signal(SIGTERM)
            #expect(await server.end() == 0)
            #expect(try logs().allSatisfy { $0 == 0 })
        }

        @Test(
            "SIGKILL at any moment loses nothing acknowledged; sent again, the verdicts are the same",
            arguments: [1, 2])
        func killed(_ seed: UInt64) async throws {
            var random = Dice(seed)
            let first = try await ServerProcess()
            // The folder goes with the first of them.
            defer { withExtendedLifetime(first) {} }
            let path = first.path
            var server = first
            let token = try await server.join("anna@example.org", "team")
            let record = Record()
            for _ in 0..<4 {
                let client = try TestServer.client(trusting: server.ca)
                let url = server.url
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            await Self.push(
                                Writer(url: url, token: token, slug: "team", client: client), record
                            )
                        }
                    }
                    let before = record.state.withLock { $0.told.count }
                    while record.state.withLock({ $0.told.count }) == before {
                        try await Task.sleep(for: .milliseconds(2))
                    }
                    try await Task.sleep(
                        for: .milliseconds(Int.random(in: 0...200, using: &random)))
                    server.signal(SIGKILL)
                    _ = await server.end()
                    try await group.waitForAll()
                }
                try await client.shutdown()
                server = try await ServerProcess(path: path)
                // At once, with no repair first.
                let found = try await server.changeSets(token)
                #expect(Set(record.state.withLock { $0.told }.keys).isSubset(of: found))
            }
            let told = record.state.withLock { $0.told }
            #expect(!told.isEmpty)
            #expect(Set(told.values.compactMap(\.version)).count == told.count)
            let verified = try await Program.tingd("verify", "--data", path)
            #expect(verified.code == 0, "\(verified.errors)")
            server.signal(SIGTERM)
            #expect(await server.end() == 0)
        }

        /// Pushes until the server is gone, then checks nothing: the connection may be cut anywhere.
        private static func push(_ writer: Writer, _ record: Record) async {
            for number in Int64(1)... {
                let changeSets = (0..<3).map { writer.insert("title_en", "\(number)/\($0)") }
                let first = number * 10
                do {
                    let verdicts = try await writer.send(changeSets, from: first)
                    // The same request again, as if the reply had been lost.
                    let again = try await writer.send(changeSets, from: first)
                    #expect(again == verdicts)
                    record.state.withLock { state in
                        for verdict in verdicts { state.told[verdict.changeSet] = verdict.verdict }
                    }
                } catch {
                    record.state.withLock { $0.unanswered += 1 }
                    return
                }
            }
        }
    }
}

/// Repeatable moments (SplitMix64).
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
