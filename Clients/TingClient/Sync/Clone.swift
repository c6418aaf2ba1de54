// SPDX-License-Identifier: Apache-2.0

import Foundation
public import TingCore
public import TingStore

extension ServerConnection {
    /// Makes a replica of a workspace at `path`: a snapshot, made this device's own.
    ///
    /// The file appears under its name only when it is whole. A try that was cut goes on where it
    /// ended. The entries since the snapshot come with the first sync.
    /// - Throws: `CancellationError`, `ClientError`, `ReplicaError`, `SchemaError`, `DatabaseError`; what had
    ///   come stays for the next try.
    /// - Parameter waiting: What waiting between tries is measured by; tests advance it.
    public func clone(
        _ slug: String, to path: String, member: MemberID?, schema: Schema,
        clock: @escaping @Sendable () -> Int64,
        waiting: any Clock<Duration> = ContinuousClock(),
        progress: @Sendable (_ done: Int64, _ of: Int64) -> Void
    ) async throws -> Replica {
        let lock = try await FileLock(path: path + ".lock")
        defer {
            withExtendedLifetime(lock) { _ = unlink(path + ".lock") }
        }
        guard !FileManager.default.fileExists(atPath: path) else {
            throw ClientError(
                .requestWide, code: "file_exists", "There is a file at \(path) already.",
                remedy: "Choose another with `--to FILE`, or sync the replica that is there.")
        }
        try LeftLogs.refuse(at: path)
        let download = SnapshotDownload(slug, from: self, to: path, clock: waiting)
        _ = try await download.run(progress: progress)
        let own = try Replica.adopt(
            snapshot: download.partial, server: server.url, member: member, schema: schema,
            clock: clock)
        try own.close()
        try LeftLogs.refuse(at: path)
        LeftLogs.remove(at: path)
        guard rename(download.partial, path) == 0 else { throw HomeError.notWritten(path, errno) }
        return try Replica(path: path, schema: schema, clock: clock)
    }
}

/// The logs that SQLite keeps beside a file, left there without it: it would replay them onto the next
/// file of the name (sqlite.org/howtocorrupt.html, “Mispairing database files and hot journals”).
enum LeftLogs {
    /// - Throws: `ClientError` where a log lies there that holds something: edits, perhaps.
    static func refuse(at path: String) throws {
        for log in [path + "-wal", path + "-journal"] {
            let found = try? FileManager.default.attributesOfItem(atPath: log)
            guard (found?[.size] as? Int ?? 0) > 0 else { continue }
            throw ClientError(
                .requestWide, code: "file_exists",
                "The log \(log) lies there without its file: SQLite would take it for one of the new replica.",
                remedy:
                    "Move it to where the file is that it belongs to, beside that and named after it, or remove it; or choose another name with `--to FILE`."
            )
        }
    }

    static func remove(at path: String) {
        for suffix in ["-wal", "-journal", "-shm"] { unlink(path + suffix) }
    }
}
