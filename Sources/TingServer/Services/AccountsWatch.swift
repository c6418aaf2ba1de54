// SPDX-License-Identifier: Apache-2.0

import GRDB
import Logging
import ServiceLifecycle
import TingCore

/// Notices what other processes (and this one) change in `server.sqlite`, and ends the event
/// streams of those who may not read any more, or have another role. Requests need no notice: each asks the file.
///
/// Fails where another file lies in its place: the server can't go on with one that no command reaches.
struct AccountsWatch: Service {
    let path: String
    let accounts: Accounts
    let followers: FollowHub
    let seen: SeenDevices
    let workers: Workers
    let logger: Logger
    /// Called after a change: another process may have added to a workspace too.
    let catchUp: @Sendable () async throws -> Void

    func run() async throws {
        let watcher = try await workers.run { [path] in try DataVersion(path: path) }
        try await cancelWhenGracefulShutdown {
            var last = Int64(-1)
            var round: Int64 = 0
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(Limits.accountsPollMilliseconds))
                round += 1
                last = await look(watcher, last)
                guard await isInPlace() else { throw Self.displaced }
                if round * Limits.accountsPollMilliseconds % (Limits.lastSeenSeconds * 1_000) == 0 {
                    await writeSeen()
                }
            }
        }
        await writeSeen()
    }

    static let displaced = ServerError(
        "Somebody moved, replaced or deleted `server.sqlite`, or the `-wal` beside it, while this server had it open; it stopped.",
        hint:
            "Put in place the one that counts, and start the server. Stop it before files are put in place."
    )

    private func isInPlace() async -> Bool {
        // It throws where the server ends anyway.
        (try? await workers.run { [accounts] in accounts.isInPlace }) ?? true
    }

    private func look(_ watcher: DataVersion, _ last: Int64) async -> Int64 {
        do {
            let now = try await workers.run { [accounts, followers] in
                let version = try watcher.current()
                if version != last { try followers.recheck(accounts.roles) }
                return version
            }
            if now != last { try await catchUp() }
            return now
        } catch is CancellationError {
            return last
        } catch {
            logger.warning("accounts.unreadable", metadata: ["code": "\(databaseCode(of: error))"])
            return -1
        }
    }

    private func writeSeen() async {
        let times = seen.take()
        guard !times.isEmpty else { return }
        do {
            try await workers.run { [accounts] in try accounts.noteSeen(times) }
        } catch {
            seen.putBack(times)
            logger.warning("accounts.unwritable", metadata: ["code": "\(databaseCode(of: error))"])
        }
    }
}

/// A connection of its own that tells whether any other has committed.
private final class DataVersion: Sendable {
    private let queue: DatabaseQueue

    init(path: String) throws {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// SQLite's `data_version`: another number after another connection's commit.
    func current() throws -> Int64 {
        try queue.inDatabase { try Int64.fetchOne($0, sql: "PRAGMA data_version") ?? 0 }
    }
}
