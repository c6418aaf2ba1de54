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
        try team.workspace.close()
        team.workspace = try Workspace(path: copy, schema: team.schema)
        var generator = SystemRandomNumberGenerator()
        try team.workspace.startEpoch(.random(using: &generator))
        let archive = try #require(try Archive.existing(path: team.archivePath))
        try team.workspace.takeBack(
            archive, now: team.clock.time, next: .random(using: &generator))
        try archive.close()
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
