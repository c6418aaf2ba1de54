// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import TingCore
import TingStore
import TingWire

/// A finished file that new replicas start from, and its hashes.
struct Snapshot: Codable, Equatable, Sendable {
    let version: Version
    let epoch: String
    let bytes: Int
    /// SHA-256 of the whole file: 64 hexadecimal digits.
    let hash: String
    let blockBytes: Int
    let blockHashes: [String]

    private enum CodingKeys: String, CodingKey {
        case version, epoch, bytes, hash
        case blockBytes = "block_bytes"
        case blockHashes = "block_hashes"
    }
}

/// The snapshots in the data folder: made when asked for, and kept while few bytes lie between
/// them and the head. The one before the newest stays for downloads under way.
actor SnapshotStore {
    private let folder: DataFolder
    private let workers: Workers
    private let copyists: Workers
    private var making: [WorkspaceID: Task<Snapshot, any Error>] = [:]
    private var compressing: [String: Task<[Int]?, any Error>] = [:]

    init(_ folder: DataFolder, workers: Workers, copyists: Workers) {
        self.folder = folder
        self.workers = workers
        self.copyists = copyists
    }

    /// The newest snapshot of the workspace, made anew if it lags behind.
    func current(of workspace: OpenWorkspace) async throws -> Snapshot {
        if let task = making[workspace.id] {
            let snapshot = try await task.value
            // It may have been begun before something came back that must be in it.
            let isFresh = try await workers.run(for: workspace.id) {
                try SnapshotStore.isFresh(snapshot, for: workspace.file)
            }
            if isFresh { return snapshot }
            // One that was begun since holds whatever had come back when this was asked.
            if let later = making[workspace.id], later != task { return try await later.value }
        }
        let task = Task { [folder, workers, copyists] in
            let place = SnapshotFolder(folder, workspace.id)
            if let fresh = try await workers.run(
                for: workspace.id, { try place.fresh(for: workspace.file) })
            {
                return fresh
            }
            return try await copyists.run(for: workspace.id) {
                try place.renew(from: workspace.file)
            }
        }
        making[workspace.id] = task
        defer { if making[workspace.id] == task { making[workspace.id] = nil } }
        return try await task.value
    }

    /// The bytes of each gzip member in a snapshot's compressed form, which is made when first asked for;
    /// `nil` where there is no room for it, or newer snapshots took this one's place meanwhile.
    func compressed(_ snapshot: Snapshot, of workspace: WorkspaceID) async throws -> [Int]? {
        if let task = compressing[snapshot.hash] { return try await task.value }
        let task = Task { [folder, copyists] in
            try await copyists.run(for: workspace) {
                try SnapshotFolder(folder, workspace).compressed(snapshot)
            }
        }
        compressing[snapshot.hash] = task
        defer { compressing[snapshot.hash] = nil }
        return try await task.value
    }

    /// A snapshot that is still kept, by its hash: what a download goes on with.
    func kept(hash: String, of workspace: WorkspaceID) async throws -> Snapshot? {
        try await workers.run(for: workspace) { [folder] in
            SnapshotFolder(folder, workspace).kept().first { $0.hash == hash }
        }
    }

    nonisolated func path(of snapshot: Snapshot, _ workspace: WorkspaceID) -> String {
        SnapshotFolder(folder, workspace).path(snapshot)
    }

    nonisolated func compressedPath(of snapshot: Snapshot, _ workspace: WorkspaceID) -> String {
        SnapshotFolder(folder, workspace).compressedPath(snapshot)
    }

    fileprivate static func isFresh(_ snapshot: Snapshot, for file: Workspace) throws -> Bool {
        let (epoch, head, _, _) = try file.head()
        guard snapshot.epoch == epoch.description else { return false }
        if snapshot.version == head { return true }
        // Who starts from one that is older than the floor could not sync the rest.
        if try snapshot.version.isBelow(floor: file.floor()) { return false }
        guard head > snapshot.version, head - snapshot.version <= Limits.snapshotLag,
            try file.holdsWhatCameBack(snapshot.version)
        else { return false }
        let since = try file.entries(
            since: snapshot.version, byteLimit: Limits.snapshotLagByteLimit)
        // A page has at least one entry, of whatever size.
        return since.last?.version == head
            && since.reduce(0) { $0 + $1.storedByteCount } <= Limits.snapshotLagByteLimit
            && since.reduce(0) { $0 + $1.changeSet.operations.count }
                <= Limits.snapshotLagOperations
    }
}

extension Entry {
    fileprivate var storedByteCount: Int {
        changeSet.storedBytes.count + (effects.map { Effect.storedBytes($0).count } ?? 0)
    }
}

/// The snapshots of one workspace, as files: `<workspace>-<version>-<hash>.sqlite` and `.json`; those that
/// were asked for in gzip also as `.sqlite.gz` and `.gz.json`.
struct SnapshotFolder {
    private let folder: String
    private let workspace: WorkspaceID

    init(_ folder: DataFolder, _ workspace: WorkspaceID) {
        self.folder = folder.snapshots
        self.workspace = workspace
    }

    /// What the names of a snapshot's files begin with.
    private func base(_ snapshot: Snapshot) -> String {
        "\(workspace)-\(snapshot.version)-\(snapshot.hash)."
    }

    private func path(_ snapshot: Snapshot, _ kind: String) -> String {
        "\(folder)/\(base(snapshot))\(kind)"
    }

    func path(_ snapshot: Snapshot) -> String { path(snapshot, "sqlite") }

    /// The complete snapshots on disk, newest first.
    func kept() -> [Snapshot] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix("\(workspace)-") && $0.hasSuffix(".json") }
            .compactMap { name in
                FileManager.default.contents(atPath: "\(folder)/\(name)")
                    .flatMap { try? JSONDecoder().decode(Snapshot.self, from: $0) }
            }
            .filter { FileManager.default.fileExists(atPath: path($0)) }
            .sorted { $0.version > $1.version }
    }

    /// The newest snapshot, if few bytes lie between it and the head.
    func fresh(for file: Workspace) throws -> Snapshot? {
        try kept().first { try SnapshotStore.isFresh($0, for: file) }
    }

    /// Makes a snapshot of the head. Where the disk is full, an older one may still serve: who starts
    /// from it syncs the rest.
    func renew(from file: Workspace) throws -> Snapshot {
        do {
            let snapshot = try make(of: file)
            removeOld(epoch: snapshot.epoch)
            return snapshot
        } catch  where isStorageFull(error) {
            guard let old = try older(for: file) else { throw error }
            return old
        }
    }

    /// The newest from which the rest can be synced, and in which all is that came back.
    private func older(for file: Workspace) throws -> Snapshot? {
        let (epoch, floor) = (try file.epoch.description, try file.floor())
        return try kept().first {
            try $0.epoch == epoch && !$0.version.isBelow(floor: floor)
                && file.holdsWhatCameBack($0.version)
        }
    }

    private func make(of file: Workspace) throws -> Snapshot {
        let draft = "\(folder)/\(workspace).draft"
        let files = FileManager.default
        // Whatever is in it can be made anew, so that it may be taken away to gain space.
        try files.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        for suffix in ["", "-journal", "-wal"] { try? files.removeItem(atPath: draft + suffix) }
        defer { try? files.removeItem(atPath: draft) }
        let base = try file.writeSnapshot(to: draft)
        let hashes = try FileHashes(path: draft, blockBytes: Limits.snapshotBlockBytes)
        let snapshot = Snapshot(
            version: base.version, epoch: base.epoch.description, bytes: hashes.bytes,
            hash: hashes.whole, blockBytes: Limits.snapshotBlockBytes, blockHashes: hashes.blocks)
        try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: draft)
        // On disk before it has its name: a power cut must not leave half a file under a whole hash.
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: draft))
        try handle.synchronize()
        try handle.close()
        guard rename(draft, path(snapshot)) == 0 else { throw CocoaError(.fileWriteUnknown) }
        try WholeFile.write(
            try JSONEncoder().encode(snapshot),
            to: path(snapshot, "json"))
        return snapshot
    }

    /// Removes every file that belongs to no snapshot which is kept, also what a kill has left
    /// halfway. Downloads under way keep an open file: removing it does not disturb them.
    private func removeOld(epoch: String) {
        let current = kept().filter { $0.epoch == epoch }.prefix(Limits.keptSnapshots).map(base)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix("\(workspace)-") {
            guard !current.contains(where: { name.hasPrefix($0) }) else { continue }
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    // MARK: In gzip

    func compressedPath(_ snapshot: Snapshot) -> String { path(snapshot, "sqlite.gz") }

    /// Beside it: the bytes of each member.
    private func indexPath(_ snapshot: Snapshot) -> String { path(snapshot, "gz.json") }

    /// The bytes of each member of the compressed form, which is made where it is not there.
    func compressed(_ snapshot: Snapshot) throws -> [Int]? {
        if let known = FileManager.default.contents(atPath: indexPath(snapshot)),
            let sizes = try? JSONDecoder().decode([Int].self, from: known),
            FileManager.default.fileExists(atPath: compressedPath(snapshot))
        {
            return sizes
        }
        do {
            return try compress(snapshot)
        } catch  where isStorageFull(error) {
            return nil
        }
    }

    /// `nil` if the snapshot was removed meanwhile: newer ones were made.
    private func compress(_ snapshot: Snapshot) throws -> [Int]? {
        let draft = path(snapshot, "sqlite.gz.draft")
        defer { unlink(draft) }
        guard let source = FileHandle(forReadingAtPath: path(snapshot)) else { return nil }
        try WholeFile.write(Data(), to: draft)
        guard let target = FileHandle(forWritingAtPath: draft) else { return nil }
        var sizes: [Int] = []
        while let block = try source.read(upToCount: snapshot.blockBytes), !block.isEmpty {
            let member = try GzipBlocks.member(
                of: block, isThorough: snapshot.bytes <= Limits.snapshotThoroughBytes)
            try target.write(contentsOf: Data(member))
            sizes.append(member.count)
        }
        try target.synchronize()
        try target.close()
        guard rename(draft, compressedPath(snapshot)) == 0 else {
            guard errno == ENOENT else { throw CocoaError(.fileWriteUnknown) }
            return nil
        }
        try WholeFile.write(try JSONEncoder().encode(sizes), to: indexPath(snapshot))
        return sizes
    }
}

/// The hashes of a file, read once: of the whole, and of each block.
struct FileHashes {
    let bytes: Int
    let whole: String
    let blocks: [String]

    init(path: String, blockBytes: Int) throws {
        let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? handle.close() }
        var whole = SHA256()
        var blocks: [String] = []
        var bytes = 0
        while let block = try handle.read(upToCount: blockBytes), !block.isEmpty {
            whole.update(data: block)
            blocks.append(Hexadecimal.encode(Array(SHA256.hash(data: block))))
            bytes += block.count
        }
        self.bytes = bytes
        self.blocks = blocks
        self.whole = Hexadecimal.encode(Array(whole.finalize()))
    }
}
