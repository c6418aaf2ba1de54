// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension Tag {
    @Tag static var promise7: Self
}

@Suite("Where there is no network at all", .tags(.promise7))
struct OfflineTests {
    /// Each is played in a network namespace in which not even the loopback is up.
    private static let verbs: [[String]] = [
        ["add", "project", "title_en=Made at sea"], ["set", "$ID", "title_en=Rent vand 清洁水"],
        ["list", "project"], ["show", "$ID"], ["search", "清洁"], ["log", "$ID"], ["blame", "$ID"],
        ["sql", "SELECT count(*) FROM project"], ["status"], ["outbox"], ["quarantine"],
        ["conflicts"], ["members"], ["path"], ["verify"],
        ["outbox", "export"], ["bundle", "create", "--to", "sea.bundle"],
        ["delete", "$ID"], ["restore", "$ID"],
    ]

    @Test("everything but a sync works, edits wait in the outbox, and a sync says what it can't")
    func offline() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        let added = try programs.ting("mette", "add", "project", "title_en=Rent vand")
        let id = added.output.trimmingCharacters(in: .whitespacesAndNewlines)
        try #require(try programs.ting("mette", "sync").status == 0)
        func alone(_ arguments: [String]) throws -> Programs.Result {
            let command = arguments.map { $0 == "$ID" ? id : $0 }
            return try programs.run(
                URL(filePath: "/usr/bin/unshare"),
                ["--map-root-user", "--net", Programs.program("ting").path] + command,
                programs.environment("mette"))
        }
        for verb in Self.verbs {
            let result = try alone(verb)
            #expect(result.status == 0, "ting \(verb.joined(separator: " ")): \(result.errors)")
        }
        let sync = try alone(["sync", "--timeout", "2"])
        #expect(sync.status == 3)
        let status = try alone(["status", "--json"])
        #expect(!status.output.contains("\"outbox\": 0"))
        #expect(try programs.ting("mette", "sync").status == 0)
        #expect(try programs.ting("mette", "list", "project").output.contains("Made at sea"))
    }
}
