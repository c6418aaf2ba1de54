// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ServiceLifecycle
import Testing
import TingCore
import TingServer

/// A real server of any schema in this process: its own folder, CA and port; TLS like anywhere.
///
/// It stands for a server of another version: the programs take no schema, the library does.
struct SkewServer {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory.appending(
                path: "ting-skew-\(UUID().uuidString)"
            ).path
        try Operator.create(path, names: ["127.0.0.1"], configuration: ServerSettings())
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Runs `body` while a server of the schema serves the folder.
    func serving<T: Sendable>(
        _ schema: Schema, port: Int = 0, _ body: (HostPort) async throws -> T
    ) async throws -> T {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = try RunningServer(
            ServerOptions(
                folder: try DataFolder(existing: path), configuration: ServerSettings(),
                listen: HostPort(host: "127.0.0.1", port: port), schema: schema, logger: logger))
        let (ready, sayReady) = AsyncStream<HostPort>.makeStream()
        let (groups, sayGroup) = AsyncStream<ServiceGroup>.makeStream()
        let running = Task {
            defer { sayReady.finish() }
            try await server.run(started: { sayGroup.yield($0) }, onReady: { sayReady.yield($0) })
        }
        let group = try #require(await groups.first { _ in true })
        let address = try #require(await ready.first { _ in true })
        do {
            let result = try await body(address)
            await group.triggerGracefulShutdown()
            try await running.value
            return result
        } catch {
            await group.triggerGracefulShutdown()
            _ = try? await running.value
            throw error
        }
    }

    /// A join address for a member of the workspace `demo`.
    func invite(_ name: String, _ schema: Schema, at address: HostPort) throws -> String {
        let person = try Operator(try DataFolder(existing: path), schema: schema)
        defer { try? person.accounts.close() }
        return try person.invite(
            Invitation(
                name: name, email: "\(name)@example.org", workspace: nil, role: .editor),
            to: "demo", mayCreate: true, url: "https://\(address)"
        ).address.description
    }

    /// What `tingd verify` finds wrong.
    func problems(_ schema: Schema) throws -> [String] {
        try Verification(of: DataFolder(reading: path), schema: schema).problems
    }
}
