// SPDX-License-Identifier: Apache-2.0

import Foundation
public import TingStore

/// Files that only their owner may read, replaced whole or not at all.
package enum PrivateFile {
    static func write(_ text: String, to path: String) throws {
        try write(Array(text.utf8), to: path)
    }

    /// Writes beside `path`, flushes, then renames over it: after a power cut the old or the new.
    package static func write(_ bytes: [UInt8], to path: String) throws {
        try folder((path as NSString).deletingLastPathComponent)
        do { try WholeFile.write(bytes, to: path) } catch {
            throw HomeError.notWritten(path, error.code)
        }
    }

    /// Makes a folder, and those above it, for its owner alone.
    static func folder(_ path: String) throws {
        guard !path.isEmpty, !FileManager.default.fileExists(atPath: path) else { return }
        do { try WholeFile.makeFolder(path) } catch {
            throw HomeError.notWritten(path, error.code)
        }
    }

    /// Why a file can't be read: the error's number, which `FileManager` doesn't tell.
    static func failure(reading path: String) -> Int32 {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return errno }
        defer { close(file) }
        var byte: UInt8 = 0
        return Foundation.read(file, &byte, 1) < 0 ? errno : EIO
    }

    static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// What can be wrong with the folder that holds configuration and data.
public enum HomeError: ExplainedError, Equatable, Sendable {
    case notWritten(String, Int32)
    case notRead(String, Int32)
    case notFound
    case damaged(String)

    public var code: String { "home_unusable" }

    public var sentence: String {
        switch self {
        case .notWritten(let path, let code):
            "The file \(path) can't be written: \(String(cString: strerror(code)).lowercased())."
        case .notRead(let path, let code):
            "The configuration \(path) can't be read: \(String(cString: strerror(code)).lowercased())."
        case .notFound: "There is no folder for configuration and data."
        case .damaged(let path): "The configuration \(path) is not what Ting wrote."
        }
    }

    public var remedy: String {
        switch self {
        case .notWritten: "Check the folder's permissions and the free space, then try again."
        case .notRead(_, ENOENT):
            "Put back a copy of it, or join again with `ting join ADDRESS`; replicas are kept."
        case .notRead: "Check its permissions, and that TING_HOME names a folder of your own."
        case .notFound: "Set TING_HOME to a folder of your own."
        case .damaged: "Put back a copy of it, or move it away and join again; replicas are kept."
        }
    }
}
