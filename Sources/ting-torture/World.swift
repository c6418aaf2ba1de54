// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A server and a team, each with a folder of its own on the real disk.
final class World: Sendable {
    static let workspace = "torture"

    let folder: String
    let programs: Programs
    let server: Server
    let members: [Member]
    /// Records that everyone edits: few, so that they meet.
    let projects: [String]
    let tasks: [String]
    /// The epoch at the beginning, which no fault of this program's may change.
    let epoch: String

    /// Sets the world up, and leaves everybody at the same version.
    /// - Parameters:
    ///   - host: Where the server listens, and `serverWords` stand before its program.
    ///   - prepare: What is done in the world's folder before anything lies in it.
    init(
        _ programs: Programs, members names: [String] = ["anna", "bo", "chen"], records: Int = 4,
        host: String = "127.0.0.1", serverWords: [String] = [],
        prepare: (_ folder: String) throws -> Void = { _ in }
    ) throws {
        self.programs = programs
        folder = NSTemporaryDirectory() + "ting-torture-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        do {
            try prepare(folder)
            server = try Server(
                programs, data: folder + "/server/data", host: host, words: serverWords)
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
        members = names.map { [folder] in Member($0, folder: folder, programs: programs) }
        do {
            try server.start()
            for member in members { try member.enter(server, workspace: Self.workspace) }
            (projects, tasks) = try Self.fill(members[0], records)
            for member in members { try Self.succeed(try member.ting(["sync"])) }
            epoch = try server.head().epoch
        } catch {
            _ = server.stop(SIGKILL)
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    /// Whether the last look found nothing, and nothing was tried since.
    private let isSound = Mutex(false)

    func note(isSound: Bool) { self.isSound.withLock { $0 = isSound } }

    /// Ends the server, and removes every file of a sound world: of another all stays, for who looks for
    /// the cause.
    func close() {
        _ = server.stop(SIGKILL)
        if isSound.withLock({ $0 }) {
            try? FileManager.default.removeItem(atPath: folder)
        } else {
            FileHandle.standardError.write(
                Data("ting-torture: the files stay in \(folder)\n".utf8))
        }
    }

    private static func fill(_ member: Member, _ count: Int) throws -> ([String], [String]) {
        func add(_ words: [String]) throws -> String {
            let added = try succeed(try member.ting(["add"] + words))
            return added.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let projects = try (0..<count).map { try add(["project", "title_en=Project \($0)"]) }
        let tasks = try (0..<count).map {
            try add(["task", "project=\(projects[$0])", "title=Task \($0)"])
        }
        try succeed(try member.ting(["sync"]))
        return (projects, tasks)
    }

    @discardableResult
    static func succeed(_ result: Programs.Result) throws -> Programs.Result {
        guard result.succeeded else { throw Trouble(result.complaint) }
        return result
    }
}
