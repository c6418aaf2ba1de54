// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// Where entries go that lie below the floor, and what is left of them in the workspace.
@Suite("The archive")
struct ArchiveTests {
    static let project = "01890000-0000-7000-8000-000000000001"

    @Test("a damaged or lacking archive is named, version by version", .tags(.promise3))
    func damagedArchive() throws {
        let team = try Team(1)
        for step in 1...10 {
            try team.foreign(
                0,
                "INSERT INTO project (id, title) VALUES ('\(Self.project)', '\(step)') "
                    + "ON CONFLICT DO UPDATE SET title = excluded.title")
            try team.sync(0)
        }
        try team.compact(.keep(1))
        #expect(try team.workspace.verify(archive: team.archivePath) == [])
        let archive = try DatabaseQueue(path: team.archivePath)
        try archive.write { db in
            try db.execute(sql: "DELETE FROM entry WHERE version BETWEEN 3 AND 5")
            try db.execute(sql: "UPDATE entry SET accepted = accepted + 1 WHERE version = 7")
            try db.execute(sql: "UPDATE entry SET change_set = x'00' WHERE version = 9")
        }
        try archive.close()
        #expect(
            try team.workspace.verify(archive: team.archivePath) == [
                "The archive lacks versions 3 to 5.",
                "Version 7 in the archive does not give its history digest.",
                "Version 9 in the archive is damaged.",
            ])
        #expect(throws: ArchiveError.missing(3)) { try team.entries() }
        let nowhere = team.folder.appending(path: "nowhere").path
        #expect(try team.workspace.verify(archive: nowhere).count == 1)
    }

    @Test(
        "after a restore, what no replica holds any more comes back from the replaced archive",
        .tags(.promise1))
    func restoredWithArchive() throws {
        let team = try Team(1)
        try team.foreign(0, "INSERT INTO project (id, hours) VALUES ('\(Self.project)', 1)")
        try team.sync(0)
        let copy = team.folder.appending(path: "copy.sqlite").path
        try team.workspace.backup(to: copy)
        for _ in 1...5 {
            try team.foreign(0, "UPDATE project SET hours = hours + 1")
            try team.sync(0)
        }
        try team.compact(.keep(1))
        let newcomer = try team.clone(for: team.members[0])
        #expect(try restore(team, from: copy, "first") == 0)
        #expect(try team.workspace.head().version == 5)
        let outcome = try team.run(newcomer, team.members[0])
        #expect(outcome.startedOver == .anotherEpoch && outcome.unproven == 0)
        #expect(try team.workspace.head().version == 6)
        let hours = try newcomer.read { try Int.fetchOne($0, sql: "SELECT hours FROM project") }
        #expect(hours == 6)
        // The same archive goes on.
        try team.compact(.keep(1))
        #expect(try team.entries().map(\.version) == Array(1...6))
        #expect(try team.workspace.verify(archive: team.archivePath) == [])
    }

    /// Puts a backup in the workspace's place, as `tingd restore` does.
    /// - Parameter isReadable: Whether the workspace as it was can be read.
    /// - Returns: How many entries of the archive stay out.
    private func restore(
        _ team: Team, from backup: String, _ name: String, isReadable: Bool = true
    ) throws -> Int {
        let replaced = team.workspace
        defer { try? replaced.close() }
        let copy = team.folder.appending(path: "\(name).sqlite").path
        try FileManager.default.copyItem(atPath: backup, toPath: copy)
        team.workspace = try Workspace(path: copy, schema: team.schema)
        var generator = SystemRandomNumberGenerator()
        try team.workspace.startEpoch(.random(using: &generator))
        let archive = try #require(try Archive.existing(path: team.archivePath))
        defer { try? archive.close() }
        return try team.workspace.takeBack(
            archive, of: isReadable ? replaced : nil, now: team.clock.time,
            next: .random(using: &generator))
    }

    @Test(
        "a second restore of one backup takes back what was compacted after the first",
        .tags(.promise1), arguments: [true, false])
    func restoredTwice(isReadable: Bool) throws {
        let team = try Team(2)
        try team.foreign(0, "INSERT INTO project (id, hours) VALUES ('\(Self.project)', 1)")
        try team.sync(0)
        try team.sync(1)
        let copy = team.folder.appending(path: "copy.sqlite").path
        try team.workspace.backup(to: copy)
        var author = team.replicas[0]
        for round in ["first", "second"] {
            for _ in 1...5 {
                try team.foreign(author.path, "UPDATE project SET hours = hours + 1")
                try team.sync(author, team.members[0])
            }
            try team.compact(.keep(1))
            // Whoever comes now holds the last version alone.
            author = try team.clone(for: team.members[0])
            let refused = try restore(team, from: copy, round, isReadable: isReadable)
            // Nothing proves what came in an epoch that nobody knows any more: it is told.
            #expect(refused == (isReadable || round == "first" ? 0 : 5))
            try team.sync(author, team.members[0])
        }
        guard isReadable else { return }
        // An edit that builds on what was compacted in the epoch between is no conflict.
        try team.foreign(author.path, "UPDATE project SET hours = hours + 1")
        try team.sync(author, team.members[0])
        try team.sync(1)
        for replica in [author, team.replicas[1]] {
            let hours = try replica.read { try Int.fetchOne($0, sql: "SELECT hours FROM project") }
            #expect(hours == 12)
            #expect(try replica.status().conflicts == 0)
            #expect(try replica.verify().matches)
        }
        #expect(try team.workspace.verify().problems == [])
    }

    @Test(
        "of an archive with two histories both come back, that of the replaced workspace first",
        .tags(.promise1))
    func restoredWithTwoHistories() throws {
        let team = try Team(2)
        try team.foreign(0, "INSERT INTO project (id, hours) VALUES ('\(Self.project)', 1)")
        try team.sync(0)
        try team.sync(1)
        let copy = team.folder.appending(path: "copy.sqlite").path
        try team.workspace.backup(to: copy)
        for _ in 1...4 {
            try team.foreign(0, "UPDATE project SET hours = hours + 10")
            try team.sync(0)
        }
        try team.compact(.keep(1))
        // Somebody copies the file back by hand; another member goes on from there.
        try team.workspace.close()
        let back = team.folder.appending(path: "back.sqlite").path
        try FileManager.default.copyItem(atPath: copy, toPath: back)
        team.workspace = try Workspace(path: back, schema: team.schema)
        for _ in 1...4 {
            try team.foreign(1, "UPDATE project SET hours = hours + 1")
            try team.sync(1)
        }
        try team.compact(.keep(1))
        let newcomer = try team.clone(for: team.members[1])
        #expect(try restore(team, from: copy, "restored") == 0)
        let order = try team.workspace.entries(since: 1, byteLimit: 1 << 20).map(\.author)
        #expect(order.prefix(3).allSatisfy { $0 == team.members[1].id })
        #expect(order.dropFirst(3).allSatisfy { $0 == team.members[0].id })
        // The last of each history lies above its floor: replicas have it.
        try team.sync(newcomer, team.members[1])
        try team.sync(0)
        try team.sync(newcomer, team.members[1])
        for replica in [team.replicas[0], newcomer] {
            let hours = try replica.read { try Int.fetchOne($0, sql: "SELECT hours FROM project") }
            #expect(hours == 45)
        }
    }

    @Test("the file shrinks, and what it keeps of a version is bounded", .tags(.promise3))
    func shrinks() throws {
        let team = try Team(1)
        let empty = try team.workspace.usedBytes()
        let text = String(repeating: "meeting ", count: 500)
        for step in 1...200 {
            try team.foreign(
                0,
                "INSERT INTO project (id, summary) VALUES ('\(Self.project)', '\(step)\(text)') "
                    + "ON CONFLICT DO UPDATE SET summary = excluded.summary")
            try team.replicas[0].seal()
        }
        try team.sync(0)
        let done = try team.compact(.keep(1))
        #expect(done.archivedBytes > 199 * 4_000)
        #expect(done.bytesBefore > 800_000)
        let kept = (done.bytesAfter - empty) / 200
        #expect(kept < 750, "\(kept) bytes a version, \(done.bytesAfter) in all")
        let size = try FileManager.default.attributesOfItem(atPath: team.workspace.path)[.size]
        #expect(try #require(size as? Int) <= Int(done.bytesAfter) + 8_192)
        #expect(
            try team.compact(.keep(1)).archivedBytes == 0, "a second time there is nothing to do")
    }
}
