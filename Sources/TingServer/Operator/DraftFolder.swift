// SPDX-License-Identifier: Apache-2.0

import CFolderExchange
import Foundation
import TingStore

/// A data folder that is filled beside its target, under a name that nobody else has, and takes the
/// target's place when it is complete and on disk.
///
/// As long as it is not, it holds the file `unfinished`, which its run has locked. So the draft of a
/// run that was killed can be told from one that is being filled, and from anybody's own folder.
final class DraftFolder {
    let folder: DataFolder
    private let target: String
    private let exchange: (String, String) -> Int32
    private let mark: Int32
    private var files: [String] = []
    /// From then on its name is that of what it replaced, or nothing's.
    private var isPlaced = false

    private static let markName = "unfinished"

    /// - Parameter exchange: Lets two folders change places; gives 0, or the error's number.
    init(
        for target: String,
        exchange: @escaping (String, String) -> Int32 = { ting_exchange($0, $1) }
    ) throws {
        self.target = DataFolder.trimmed(target)
        self.exchange = exchange
        try FileManager.default.createDirectory(
            atPath: Self.parent(of: self.target), withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        Self.removeAbandoned(beside: self.target)
        var name = Array("\(self.target).partial-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else {
            let code = errno
            throw DataFolder.denied(Self.parent(of: self.target), code)
        }
        let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        do {
            folder = try DataFolder(creating: path)
            mark = try Self.mark(path)
        } catch {
            Self.remove(path)
            throw error
        }
    }

    deinit { close(mark) }

    /// Removes what a failure has left; nothing once it is in its place.
    func discard() {
        if !isPlaced { Self.remove(folder.path) }
    }

    // MARK: Filling

    /// Notes a file that must be there when the draft is complete.
    func note(_ file: String) { files.append(file) }

    /// The certificate with its keys, and the configuration.
    func copyCertificate(from source: DataFolder) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: source.tls) {
            try copy("\(source.tls)/\(name)", to: "\(folder.tls)/\(name)")
        }
        if FileManager.default.fileExists(atPath: source.configuration) {
            try copy(source.configuration, to: folder.configuration)
        }
    }

    /// All of a folder in which no server runs.
    /// - Parameter progress: Told before each workspace's file which one of how many it is.
    func copyAll(
        from source: DataFolder, progress: (_ number: Int, _ count: Int) -> Void = { _, _ in }
    ) throws {
        try copyCertificate(from: source)
        let names = try FileManager.default.contentsOfDirectory(atPath: source.workspaces)
            .filter { $0.hasSuffix(".sqlite") }
        for (index, name) in names.enumerated() {
            progress(index + 1, names.count)
            try DatabaseFile.copy(
                "\(source.workspaces)/\(name)", to: "\(folder.workspaces)/\(name)")
            note("\(folder.workspaces)/\(name)")
        }
        try DatabaseFile.copy(source.database, to: folder.database)
        note(folder.database)
    }

    private func copy(_ source: String, to target: String) throws {
        try FileManager.default.copyItem(atPath: source, toPath: target)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: target)
        note(target)
    }

    // MARK: Taking its place

    /// Puts everything on disk, then the folder where nothing is yet, or an empty folder.
    func place() throws {
        try complete()
        guard rename(folder.path, target) == 0 else { throw notPlaced(errno) }
        isPlaced = true
        try Self.synchronize(Self.parent(of: target))
    }

    /// Puts everything on disk, then the folder in the place of what is there: in one step where the
    /// file system can, so that at every instant one of the two is whole under the name.
    ///
    /// - Parameter aside: A name that is free, for what was there.
    /// - Returns: Where that lies now.
    func replace(movingTo aside: String) throws -> String {
        try complete()
        var place = aside
        switch exchange(folder.path, target) {
        case 0:
            isPlaced = true
            if rename(folder.path, aside) != 0 { place = folder.path }
        case EINVAL, ENOSYS, EOPNOTSUPP:
            guard rename(target, aside) == 0 else { throw notPlaced(errno) }
            guard rename(folder.path, target) == 0 else {
                let code = errno
                _ = rename(aside, target)
                throw notPlaced(code)
            }
            isPlaced = true
        case let code: throw notPlaced(code)
        }
        try Self.synchronize(Self.parent(of: target))
        return place
    }

    private func complete() throws {
        for file in files where access(file, F_OK) != 0 {
            throw ServerError(
                "Somebody removed \(file) while it was needed.", hint: "Try again.")
        }
        let all = FileManager.default.enumerator(atPath: folder.path) ?? .init()
        for case let name as String in all { try Self.synchronize("\(folder.path)/\(name)") }
        // Last: until here a kill leaves what the next run removes.
        unlink("\(folder.path)/\(Self.markName)")
        try Self.synchronize(folder.path)
    }

    private func notPlaced(_ code: Int32) -> ServerError {
        if code == ENOTEMPTY || code == EEXIST {
            return ServerError(
                "The folder \(target) is not empty.", hint: "Another command filled it meanwhile.")
        }
        return ServerError(
            "Nothing can be put in the place of \(target): \(String(cString: strerror(code))).",
            hint: code == EBUSY || code == EXDEV
                ? "Where a disk is mounted nothing can be replaced: name a folder inside it."
                : "Look at the owner and permissions of the folder that it lies in.")
    }

    // MARK: Files

    private static func parent(of path: String) -> String {
        URL(fileURLWithPath: path).deletingLastPathComponent().path
    }

    private static func synchronize(_ path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw CocoaError(.fileReadNoPermission) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    /// Marks a draft. Under its name the mark is locked already.
    private static func mark(_ path: String) throws -> Int32 {
        let draft = "\(path)/\(markName).new"
        let file = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw DataFolder.denied(path) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0, rename(draft, "\(path)/\(markName)") == 0 else {
            close(file)
            throw DataFolder.denied(path)
        }
        return file
    }

    /// Removes drafts for the same target whose runs were killed.
    private static func removeAbandoned(beside target: String) {
        let parent = parent(of: target)
        let prefix = URL(fileURLWithPath: target).lastPathComponent + ".partial-"
        for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        where name.hasPrefix(prefix) {
            let mark = open("\(parent)/\(name)/\(markName)", O_RDONLY | O_CLOEXEC)
            guard mark >= 0 else { continue }
            defer { close(mark) }
            if flock(mark, LOCK_EX | LOCK_NB) == 0 { remove("\(parent)/\(name)") }
        }
    }

    /// The mark goes last: a kill in between leaves what is known for a draft.
    private static func remove(_ path: String) {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: path)) ?? [] where name != markName {
            try? files.removeItem(atPath: "\(path)/\(name)")
        }
        try? files.removeItem(atPath: path)
    }
}
