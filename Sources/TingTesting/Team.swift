// SPDX-License-Identifier: Apache-2.0

package import Foundation
import GRDB
import Synchronization
package import TingCore
package import TingStore

/// A clock that moves when told, in milliseconds since 1970.
package final class ManualClock: Sendable {
    private let now: Mutex<Int64>

    package init(_ start: Int64 = 1_750_000_000_000) { now = Mutex(start) }

    package var time: Int64 { now.withLock { $0 } }

    package func advance(_ milliseconds: Int64) { now.withLock { $0 += milliseconds } }
}

/// A workspace and the replicas of its members, in one process and one folder, without a network:
/// real files, real merges, and a clock of the test's own.
package final class Team {
    package let folder: URL
    package let schema: Schema
    package var workspace: Workspace
    /// Another server that hears the same requests, and must judge them the same.
    package var twin: Workspace?
    package let clock: ManualClock
    package private(set) var members: [Member] = []
    package private(set) var replicas: [Replica] = []

    /// - Parameter size: How many members with a replica each; all are editors.
    package init(_ size: Int, schema: Schema = .sample) throws {
        folder = FileManager.default.temporaryDirectory.appending(
            path: "ting-team-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.schema = schema
        clock = ManualClock()
        var generator = SystemRandomNumberGenerator()
        workspace = try Workspace.create(
            path: folder.appending(path: "workspace.sqlite").path, slug: "team", schema: schema,
            epoch: .random(using: &generator), receiptKey: Self.receiptKey)
        for position in 0..<size {
            members.append(
                Member(
                    id: .random(using: &generator), name: "Member \(position)",
                    email: "m\(position)@example.org", role: .editor))
            replicas.append(try clone(for: members[position]))
        }
    }

    private static let receiptKey = [UInt8](repeating: 7, count: 32)

    /// A team around a workspace that is there, without replicas as yet.
    /// - Parameter folder: Where its files go; it goes with the team.
    package init(_ workspace: Workspace, in folder: URL, schema: Schema, members: [Member]) throws {
        (self.workspace, self.folder, self.schema) = (workspace, folder, schema)
        self.members = members
        clock = ManualClock()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Adds a member, without a replica as yet.
    package func add(_ member: Member) { members.append(member) }

    /// A team of its own that stands where `other` stands; `other` is closed.
    package init(copying other: Template) throws {
        folder = FileManager.default.temporaryDirectory.appending(
            path: "ting-team-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: other.folder, to: folder)
        (schema, members) = (other.schema, other.members)
        clock = ManualClock(other.time)
        workspace = try Workspace(
            path: folder.appending(path: "workspace.sqlite").path, schema: schema)
        for name in other.replicas {
            replicas.append(
                try Replica(
                    path: folder.appending(path: name).path, schema: schema,
                    clock: { [clock] in clock.time }))
        }
    }

    /// A team at rest, to make others from.
    package struct Template: Sendable {
        fileprivate let folder: URL
        fileprivate let schema: Schema
        fileprivate let members: [Member]
        fileprivate let replicas: [String]
        fileprivate let time: Int64
    }

    /// Closes all files and keeps them aside, for as long as the process lives.
    package func template() throws -> Template {
        for replica in replicas { try replica.close() }
        try workspace.close()
        let kept = FileManager.default.temporaryDirectory.appending(
            path: "ting-template-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: folder, to: kept)
        return Template(
            folder: kept, schema: schema, members: members,
            replicas: replicas.map { URL(filePath: $0.path).lastPathComponent }, time: clock.time)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// A new replica from a fresh snapshot.
    /// - Parameter known: The schema of the member's program; the team's, without it.
    package func clone(for member: Member, schema known: Schema? = nil) throws -> Replica {
        let path = folder.appending(path: "replica-\(UUID().uuidString).sqlite").path
        _ = try workspace.writeSnapshot(to: path)
        return try Replica.adopt(
            snapshot: path, server: "", member: member.id, schema: known ?? schema,
            clock: { [clock] in clock.time })
    }

    /// One whole sync: exchanges until the outbox is through and nothing new is left.
    @discardableResult
    package func sync(_ position: Int, role: Role = .editor) throws -> IntegrateSummary {
        try sync(replicas[position], members[position], role: role)
    }

    @discardableResult
    package func sync(
        _ replica: Replica, _ member: Member, role: Role = .editor
    ) throws -> IntegrateSummary {
        try run(replica, member, role: role).summary
    }

    /// Takes in what the server has, and sends nothing: the outbox waits.
    package func pull(_ position: Int) throws {
        let replica = replicas[position]
        let request = try replica.nextRequest(after: .max)
        let response = try workspace.reply(
            to: request, judgement: .init(), role: .editor, members: nil, membersVersion: 1,
            now: clock.time)
        var summary = IntegrateSummary()
        try replica.integrate(response, to: request, into: &summary)
    }

    /// One whole sync, with all it came to.
    /// - Parameters:
    ///   - snapshot: What the replica starts over from, where it does; the server's newest without one.
    ///   - leavesDigest: Whether a clone leaves its digest to a later sync.
    ///   - beforeMending: What happens between a request for the server's records and its answer.
    @discardableResult
    package func run(
        _ replica: Replica, _ member: Member, role: Role = .editor, snapshot: String? = nil,
        leavesDigest: Bool = false, beforeMending: () throws -> Void = {},
        beforeGivingBack: () throws -> Void = {}
    ) throws -> SyncOutcome {
        var run = SyncRun(replica, patience: .seconds(1), leavesDigest: leavesDigest)
        var action = try run.begin()
        for _ in 0..<1_000 {
            switch action {
            case .send(let request):
                clock.advance(10)
                let judgement = try judge(request, member, role)
                action = try run.received(
                    try workspace.reply(
                        to: request, judgement: judgement, role: role, members: members,
                        membersVersion: 1, now: clock.time))
            case .askForMending(let request):
                try beforeMending()
                action = try run.received(try workspace.mend(request))
            case .wait(let duration):
                clock.advance(duration.milliseconds)
                action = try run.waited()
            case .finish: return run.outcome
            case .giveBack(let request):
                try beforeGivingBack()
                var generator = SystemRandomNumberGenerator()
                action = try run.received(
                    try workspace.takeBack(
                        request, now: clock.time, next: .random(using: &generator)
                    ).response)
            case .fetchSnapshot:
                let path = folder.appending(path: "snapshot-\(UUID().uuidString).sqlite").path
                if snapshot == nil { _ = try workspace.writeSnapshot(to: path) }
                action = try run.startOver(from: snapshot ?? path)
            case .fail(let failure): throw TeamError.stuck("\(failure)")
            }
        }
        throw TeamError.stuck("the sync never ended")
    }

    private func judge(
        _ request: SyncRequest, _ member: Member, _ role: Role
    ) throws -> Workspace.Judgement {
        let submission = Workspace.Submission(request: request, member: member.id, role: role)
        let judgement = try workspace.accept([submission], now: clock.time)[0]
        if let twin {
            let other = try twin.accept([submission], now: clock.time)[0]
            guard other.verdicts == judgement.verdicts, other.clash == judgement.clash else {
                throw TeamError.differ("\(judgement.verdicts), the twin \(other.verdicts)")
            }
        }
        return judgement
    }

    /// Makes the twin, as the workspace was before its first version.
    package func addTwin() throws {
        twin = try Workspace.create(
            path: folder.appending(path: "twin.sqlite").path, slug: "team", schema: schema,
            epoch: workspace.epoch, receiptKey: Self.receiptKey)
    }

    /// Moves the workspace's floor.
    @discardableResult
    package func compact(_ target: FloorTarget) throws -> Workspace.Compaction {
        try workspace.compact(to: workspace.floor(target), archive: archivePath)
    }

    package var archivePath: String { folder.appending(path: "workspace.archive.sqlite").path }

    /// Every entry from the first version on, those below the floor from the archive.
    package func entries() throws -> [Entry] {
        let archive = try Archive.existing(path: archivePath)
        defer { try? archive?.close() }
        var entries: [Entry] = []
        try workspace.eachEntry(since: 0, archive: { archive }) { entries.append($0) }
        return entries
    }

    /// Lets an SQL tool that knows nothing of Ting run statements on the file.
    package func foreign(_ position: Int, _ sql: String) throws {
        try foreign(replicas[position].path, sql)
    }

    package func foreign(_ path: String, _ sql: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }
}

package enum TeamError: Error {
    case stuck(String)
    case differ(String)
}
