// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TingClient
import TingCore
import TingPlanning
import TingStore

/// A person with a device: a folder, a replica, and the programs that they run.
final class Member: Sendable {
    let name: String
    let home: String
    let programs: Programs
    let journal: Mutex<Journal>
    /// Words before each of this member's programs: another clock, another network.
    let wrapper: Mutex<[String]>
    private let file: Mutex<String?>

    init(_ name: String, folder: String, programs: Programs) {
        self.name = name
        self.programs = programs
        home = "\(folder)/\(name)"
        journal = Mutex(Journal(name: name))
        wrapper = Mutex([])
        file = Mutex(nil)
    }

    /// Joins and clones.
    func enter(_ server: Server, workspace: String) throws {
        for words in [["join", try server.invite(name, to: workspace)], ["clone", workspace]] {
            let result = try ting(words)
            guard result.succeeded else {
                throw Trouble("ting \(words[0]) failed: \(result.complaint)")
            }
        }
    }

    /// The replica's file.
    func replica() throws -> String {
        if let known = file.withLock({ $0 }) { return known }
        let asked = try ting(["path"])
        guard asked.succeeded else { throw Trouble("ting path failed: \(asked.complaint)") }
        let path = asked.output.trimmingCharacters(in: .whitespacesAndNewlines)
        file.withLock { $0 = path }
        return path
    }

    @discardableResult
    func ting(_ arguments: [String], killAfter: Duration? = nil) throws -> Programs.Result {
        try programs.run(
            "ting", arguments, environment: Programs.environment(home: home),
            scratch: home + ".run", wrapper: wrapper.withLock { $0 }, killAfter: killAfter)
    }

    /// Runs SQL in the stock shell.
    func shell(_ sql: String, killAfter: Duration? = nil) throws -> Programs.Result {
        try programs.run(
            "sqlite3", ["-batch", "-cmd", ".timeout 20000", try replica(), sql],
            environment: Programs.environment(home: home), scratch: home + ".run",
            killAfter: killAfter)
    }

    /// What `ting status` says.
    func status() throws -> [String: Any] {
        let status = try ting(["status", "--json"])
        guard status.succeeded else { throw Trouble("ting status failed: \(status.complaint)") }
        return status.object
    }

    /// Opens the replica within this program, to look at it.
    func open() throws -> Replica {
        try Replica(path: try replica(), schema: PlanningSchema.schema, clock: { now() })
    }

    /// A connection with this device's token, by way of `port` where one is given.
    func connection(
        to server: Server, port: Int? = nil, timeout: Duration = .seconds(20)
    ) throws -> ServerConnection {
        let signIn = try ClientHome(configurationFolder: home, dataFolder: home).signIn(server.url)
        return try server.connection(token: signIn.token, timeout: timeout, port: port)
    }
}

/// Milliseconds since 1970.
@Sendable func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
