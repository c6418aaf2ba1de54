// SPDX-License-Identifier: Apache-2.0

import Foundation
public import TingCore
public import TingStore

extension ServerConnection {
    /// Makes a replica of a workspace at `path`: a snapshot, made this device's own.
    ///
    /// The file appears under its name only when it is whole, and replaces none. A try that was cut goes
    /// on where it ended. The entries since the snapshot come with the first sync.
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
        try FreeName.check(path)
        try LeftLogs.refuse(at: path)
        let download = SnapshotDownload(slug, from: self, to: path, clock: waiting)
        FreeName.forget(secondName: download.partial)
        _ = try await download.run(progress: progress)
        let own = try Replica.adopt(
            snapshot: download.partial, server: server.url, member: member, schema: schema,
            clock: clock)
        try own.close()
        // It took a while: a file that came meanwhile is somebody's, and so are its logs.
        try FreeName.check(path)
        try LeftLogs.refuse(at: path)
        LeftLogs.remove(at: path)
        try FreeName.give(path, to: download.partial)
        return try Replica(path: path, schema: schema, clock: clock)
    }
}

/// A name that no file has yet: one that has it may be a replica, with edits that wait in it.
private enum FreeName {
    /// - Throws: `ClientError` where a file lies there, or a link, wherever that leads.
    static func check(_ path: String) throws {
        var found = stat()
        guard lstat(path, &found) == 0 else { return }
        throw ClientError(
            .requestWide, code: "file_exists", "There is a file at \(path) already.",
            remedy: "Choose another with `--to FILE`, or sync the replica that is there.")
    }

    /// Gives a file this name in place of its own, in one step that fails where another has it.
    ///
    /// Swift's Glibc has no `renameat2`. Killed between the two calls, the file has both names: see
    /// `forget(secondName:)`.
    static func give(_ path: String, to file: String) throws {
        if link(file, path) == 0 {
            unlink(file)
            return
        }
        // Where a file system knows no hard links, a look just before has to do.
        try check(path)
        guard rename(file, path) == 0 else { throw HomeError.notWritten(path, errno) }
    }

    /// Takes the draft's name from a file that has another one: it is a replica since a clone that was
    /// killed, and a download would write into it.
    static func forget(secondName file: String) {
        var found = stat()
        guard lstat(file, &found) == 0, found.st_nlink > 1 else { return }
        unlink(file)
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
