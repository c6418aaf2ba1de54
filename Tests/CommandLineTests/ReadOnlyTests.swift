// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Where nothing can be written", .tags(.promise7))
struct ReadOnlyTests {
    private static let reads: [[String]] = [
        ["list", "project"], ["show", "$ID"], ["log", "$ID"], ["status"], ["outbox"],
        ["sql", "SELECT count(*) FROM project"],
    ]

    @Test(
        "a replica on a read-only disk, or one that is read-only itself: reading and searching go on, and a sync says what it can't",
        arguments: [true, false], [true, false])
    func readOnly(folder: Bool, indexed: Bool) throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        let added = try programs.ting("mette", "add", "project", "title_en=Rent vand 清洁水")
        let id = added.output.trimmingCharacters(in: .whitespacesAndNewlines)
        try #require(try programs.ting("mette", "sync").status == 0)
        if indexed { #expect(try programs.ting("mette", "search", "vand").status == 0) }
        // Edits that the index has not seen.
        let second = try programs.ting("mette", "add", "project", "title_en=Vandtårn")
        #expect(second.status == 0)
        let path = try programs.ting("mette", "path").output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let place = folder ? (path as NSString).deletingLastPathComponent : path
        func fixed(_ arguments: [String]) throws -> Programs.Result {
            let script =
                "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\""
            let command = arguments.map { $0 == "$ID" ? id : $0 }
            return try programs.run(
                URL(filePath: "/usr/bin/unshare"),
                [
                    "--map-root-user", "--mount", "/bin/sh", "-c", script, place,
                    Programs.program("ting").path,
                ] + command + ["--replica", path], programs.environment("mette"))
        }
        for verb in Self.reads {
            let result = try fixed(verb)
            #expect(result.status == 0, "ting \(verb.joined(separator: " ")): \(result.errors)")
        }
        for word in ["vand", "清洁", "vandtaarn"] {
            let found = try fixed(["search", word])
            #expect(found.status == 0 && found.output.contains("and"), "\(word): \(found.errors)")
        }
        #expect(try fixed(["search", "vand", "--json"]).output.contains("Vandtårn"))
        #expect(try fixed(["search", "nowhere", "--json"]).output.contains("[]"))
        let sync = try fixed(["sync"])
        #expect(sync.status == 1)
        #expect(sync.errors.contains("(not_writable)"), "\(sync.errors)")
        #expect(sync.errors.contains(path), "\(sync.errors)")
        #expect(sync.errors.contains("`ting list`"), "\(sync.errors)")
        let json = try fixed(["sync", "--json"])
        #expect(json.status == 1)
        #expect(json.errors.contains("\"not_writable\""), "\(json.output) \(json.errors)")
        // It was only there that it could not be written.
        #expect(try programs.ting("mette", "sync").status == 0)
    }
}
