// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore
import TingStore

/// One random history of programs of different versions on one workspace, some of which are
/// upgraded, or put back, in the middle (R10).
///
/// Versions are those of `Schema.sample(_:)`. At the end all ends are of the newest, and then every
/// sealed change set is in the history, once, and all ends hold the same.
package final class SkewHistory {
    /// The versions of the programs at both ends.
    package struct Pair: Hashable, Sendable, CustomStringConvertible {
        package var client: Int
        package var server: Int

        package init(client: Int, server: Int) { (self.client, self.server) = (client, server) }

        /// All pairs of a version, the one before it, and the one after it.
        package static let all = (1...3).flatMap { client in
            (1...3).map { Pair(client: client, server: $0) }
        }

        package var description: String { "client \(client), server \(server)" }
    }

    /// What didn't hold.
    package struct Broken: Error, CustomStringConvertible {
        package var description: String
    }

    private let team: Team
    private var random: SeededGenerator
    private var server: Int
    private var programs: [Int]
    private var replicas: [Replica] = []
    private var sealed: Set<ChangeSetID> = []
    private static let newest = 3

    /// Plays one history on the simulated disk, which must be SQLite's own in this process.
    /// - Throws: `Broken`, or what an end threw.
    package static func play(_ pair: Pair, seed: UInt64) throws {
        SimulatedDisk.reset(seed: seed)
        let history = try SkewHistory(pair, seed)
        try history.run()
    }

    /// Plays so many histories of each pair, from a seed on.
    /// - Returns: Those that failed, each a line.
    package static func playAll(_ histories: UInt64, from first: UInt64 = 0) throws -> [String] {
        try SimulatedDisk.install(asDefault: true)
        var failures: [String] = []
        for pair in Pair.all {
            for seed in first..<first + histories {
                do { try play(pair, seed: seed) } catch {
                    failures.append("\(pair), seed \(seed): \(error)")
                }
            }
        }
        return failures
    }

    /// Two replicas of the client's version, and one of the server's.
    private init(_ pair: Pair, _ seed: UInt64) throws {
        random = SeededGenerator(state: seed)
        server = pair.server
        programs = [pair.client, pair.client, pair.server]
        team = try Team(0, schema: .sample(server))
        for (position, program) in programs.enumerated() {
            let member = Member(
                id: .random(using: &random), name: "Member \(position)",
                email: "m\(position)@example.org", role: .editor)
            team.add(member)
            replicas.append(try team.clone(for: member, schema: .sample(program)))
        }
    }

    private func run() throws {
        for step in 0..<Int.random(in: 8...20, using: &random) {
            let who = Int.random(in: 0..<replicas.count, using: &random)
            team.clock.advance(.random(in: 0...5_000, using: &random))
            switch Int.random(in: 0..<12, using: &random) {
            case 0: try change(who, to: .random(in: 1...Self.newest, using: &random))
            case 1: try changeServer(to: .random(in: 1...Self.newest, using: &random))
            case 2...4: try sync(who)
            default: try edit(who, "w\(step)x\(who)")
            }
        }
        // As they stand: what a server is too old for waits, and the rest is through.
        for _ in 0..<2 { for who in replicas.indices { try sync(who) } }
        for who in replicas.indices { try checkWaiting(who) }
        try changeServer(to: Self.newest)
        for who in replicas.indices { try change(who, to: Self.newest) }
        for _ in 0..<2 { for who in replicas.indices { try sync(who) } }
        try check()
    }

    // MARK: Programs of other versions

    /// Closes a replica's file and opens it with a program of another version.
    private func change(_ who: Int, to version: Int) throws {
        let waiting = try replicas[who].outbox().map(\.changeSet)
        let digest = try replicas[who].status().digest
        try replicas[who].close()
        programs[who] = version
        replicas[who] = try Replica(
            path: replicas[who].path, schema: .sample(version),
            clock: { [clock = team.clock] in clock.time })
        let after = try replicas[who].status()
        sealed.formUnion(try replicas[who].outbox().map(\.changeSet.id))
        guard after.digest == digest, try replicas[who].verify().matches else {
            throw Broken(description: "another program changed the digest of replica \(who)")
        }
        let left = try replicas[who].outbox().map(\.changeSet)
        guard left.starts(with: waiting) else {
            throw Broken(description: "another program changed the outbox of replica \(who)")
        }
    }

    private func changeServer(to version: Int) throws {
        let before = try team.workspace.head()
        try team.workspace.close()
        server = version
        team.workspace = try Workspace(path: team.workspace.path, schema: .sample(version))
        guard try team.workspace.head() == before, try team.workspace.verify().problems.isEmpty
        else { throw Broken(description: "another program changed the workspace") }
    }

    private func sync(_ who: Int) throws {
        _ = try replicas[who].seal()
        sealed.formUnion(try replicas[who].outbox().map(\.changeSet.id))
        try team.sync(replicas[who], team.members[who])
    }

    // MARK: Edits

    /// An edit of what the replica's tables have, by the library or any SQL tool.
    private func edit(_ who: Int, _ mark: String) throws {
        let sql = try statement(replicas[who].schema, mark)
        if Bool.random(using: &random) {
            try team.foreign(replicas[who].path, sql)
        } else {
            try replicas[who].write { try $0.execute(sql: sql) }
        }
        if Bool.random(using: &random) { _ = try replicas[who].seal() }
        sealed.formUnion(try replicas[who].outbox().map(\.changeSet.id))
    }

    private func statement(_ schema: Schema, _ mark: String) throws -> String {
        guard let collection = schema.written.randomElement(using: &random),
            let field = collection.fields.randomElement(using: &random)
        else { throw Broken(description: "there is no schema") }
        let id = id(of: collection.name)
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return "DELETE FROM \"\(collection.name)\" WHERE id = '\(id)'"
        case 1: return "DELETE FROM conflict WHERE id IN (SELECT id FROM conflict LIMIT 1)"
        case 2...4:
            return "INSERT INTO \"\(collection.name)\" (id) VALUES ('\(id)') ON CONFLICT DO NOTHING"
        default:
            let value = value(of: field, mark)
            return """
                INSERT INTO "\(collection.name)" (id) VALUES ('\(id)') ON CONFLICT DO NOTHING;
                UPDATE "\(collection.name)" SET "\(field.name)" = \(value) WHERE id = '\(id)'
                """
        }
    }

    /// Few ids, so that much is edited by several.
    private func id(of collection: String) -> String {
        let letter = Hexadecimal.encode([collection.utf8.reduce(7) { $0 &* 31 &+ $1 }])
        return "01890000-0000-7000-8000-0000000\(letter)00\(Int.random(in: 1...2, using: &random))"
    }

    private func value(of field: Field, _ mark: String) -> String {
        let number = Int.random(in: 0...9, using: &random)
        switch field.kind {
        case .text:
            return field.policy == .text
                ? "coalesce(\"\(field.name)\", '') || '\(mark)\n'" : "'\(mark)'"
        case .date: return "'203\(number)'"
        case .time: return "'203\(number)-01-01T10:00'"
        case .enum: return "'\(field.values.randomElement(using: &random) ?? "")'"
        case .reference:
            let target = field.to.first ?? "project"
            let id = id(of: target)
            return "(SELECT id FROM \"\(target)\" WHERE id = '\(id)')"
        case .set: return "json_insert(\"\(field.name)\", '$[#]', '\(mark)')"
        case .counter: return "\"\(field.name)\" + \(number)"
        case .integer, .money: return "\(number)"
        }
    }

    // MARK: What must hold

    /// What waits is what the server is too old for, and status says so.
    private func checkWaiting(_ who: Int) throws {
        let status = try replicas[who].status()
        let waiting = try replicas[who].outbox()
        guard status.quarantine == 0, status.invalid.isEmpty else {
            throw Broken(description: "replica \(who) has quarantine or invalid edits: \(status)")
        }
        guard waiting.isEmpty || !status.deferred.isEmpty else {
            throw Broken(description: "replica \(who) doesn't say why its outbox waits")
        }
        guard waiting.allSatisfy({ _ in server < Self.newest }) else {
            throw Broken(description: "replica \(who) waits for nothing")
        }
        let head = try team.workspace.head()
        guard status.version == head.version, status.digest == head.state,
            try replicas[who].verify().matches
        else { throw Broken(description: "replica \(who) differs from a server of \(server)") }
    }

    private func check() throws {
        let head = try team.workspace.head()
        let history = try team.workspace.entries(since: 0, byteLimit: .max).map(\.changeSet.id)
        guard history.count == Set(history).count, Set(history) == sealed else {
            throw Broken(
                description:
                    "sealed \(sealed.count) change sets, the history has \(history.count)")
        }
        let contents = try team.workspace.contents()
        for (who, replica) in replicas.enumerated() {
            let status = try replica.status()
            guard status.version == head.version, status.digest == head.state,
                try replica.verify().matches, try replica.contents() == contents
            else { throw Broken(description: "replica \(who) differs at the end") }
            guard status.outbox == 0, status.quarantine == 0, status.invalid.isEmpty else {
                throw Broken(description: "replica \(who) is stuck: \(status)")
            }
        }
        guard try team.workspace.verify().problems.isEmpty else {
            throw Broken(description: "the server's file does not verify")
        }
    }
}
