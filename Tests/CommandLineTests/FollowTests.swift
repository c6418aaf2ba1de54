// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Following a workspace", .serialized)
struct FollowTests {
    /// `ting sync --follow` under way, with what it says.
    private final class Following {
        let process = Process()
        private let log: URL

        init(_ programs: Programs, _ home: String) throws {
            log = programs.folder.appending(path: "follow.log")
            try Data().write(to: log)
            process.executableURL = Programs.program("ting")
            process.arguments = ["sync", "--follow"]
            process.environment = programs.environment(home)
            process.standardOutput = FileHandle.nullDevice
            process.standardError = try FileHandle(forWritingTo: log)
            process.standardInput = FileHandle.nullDevice
            try Programs.launch(process)
        }

        deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

        var said: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }
    }

    /// Waits until something holds; far longer than it takes.
    private func eventually(
        _ what: Comment, within seconds: Int = 30, _ holds: () throws -> Bool
    ) throws {
        for _ in 0..<seconds * 20 {
            if try holds() { return }
            usleep(50_000)
        }
        Issue.record(what)
    }

    private func titles(_ programs: Programs, _ home: String) throws -> String {
        try programs.ting(home, "list", "project", "--csv", "--columns", "title_en").output
    }

    private func foreign(_ programs: Programs, _ home: String, title: String) throws {
        let path = try programs.ting(home, "path").output.split(separator: "\n").first ?? ""
        let sql = "INSERT INTO project (title_en) VALUES ('\(title)')"
        let done = try programs.run(
            URL(filePath: "/usr/bin/sqlite3"), ["-cmd", ".timeout 10000", String(path), sql], [:])
        try #require(done.status == 0, "\(done.errors)")
    }

    @Test(
        "edits come and go by themselves, a restart of the server is survived, Ctrl-C ends it well")
    func follow() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        try programs.member("li", role: "editor")
        let following = try Following(programs, "li")
        try eventually("it follows") { following.said.contains("Following") }

        _ = try programs.ting("mette", "add", "project", "title_en=By Mette")
        _ = try programs.ting("mette", "sync")
        try eventually("another member's edit arrives") {
            try titles(programs, "li").contains("By Mette")
        }
        try foreign(programs, "li", title: "By the shell")
        try eventually("what another tool edits here goes out") {
            _ = try programs.ting("mette", "sync")
            return try titles(programs, "mette").contains("By the shell")
        }
        programs.stop(SIGTERM)
        try eventually(
            "the status tells that the server is gone, before anything is edited", within: 15
        ) {
            let status = try programs.ting("li", "status", "--json").output
            return status.contains("\"next_retry\": \"") && !status.contains("\"last_error\": null")
        }
        try foreign(programs, "li", title: "While it was away")
        _ = try programs.ting("mette", "add", "project", "title_en=Meanwhile")
        try programs.serve()
        try eventually("both ends meet again") {
            _ = try programs.ting("mette", "sync")
            return try titles(programs, "mette").contains("While it was away")
                && titles(programs, "li").contains("Meanwhile")
        }

        kill(following.process.processIdentifier, SIGINT)
        following.process.waitUntilExit()
        #expect(following.process.terminationReason == .exit)
        #expect(following.process.terminationStatus == 0)
        let path = try programs.ting("li", "path").output.trimmingCharacters(in: .newlines)
        #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
        #expect(try programs.ting("li", "verify").status == 0)
        #expect(try titles(programs, "li").split(separator: "\r\n").count == 5)
    }

    @Test("what went to quarantine meanwhile is told by the exit code, as by any sync")
    func quarantined() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        try programs.member("guest", role: "viewer")
        let following = try Following(programs, "guest")
        try eventually("it follows") { following.said.contains("Following") }
        try foreign(programs, "guest", title: "Not mine")
        try eventually("it is rejected") { following.said.contains("kept in quarantine") }
        kill(following.process.processIdentifier, SIGINT)
        following.process.waitUntilExit()
        #expect(following.process.terminationReason == .exit)
        #expect(following.process.terminationStatus == 5)
    }

    @Test("what a quota defers is tried again by itself, and status tells when", .tags(.promise12))
    func deferred() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        let following = try Following(programs, "mette")
        try eventually("it follows") { following.said.contains("Following") }
        try programs.run("tingd", ["quota", "--data", programs.data, "--workspace", "demo", "1"])
        try foreign(programs, "mette", title: "Too much")
        try eventually("it is deferred") { following.said.contains("can't judge") }
        try eventually("the next try is told") {
            let status = try programs.ting("mette", "status", "--json").output
            return status.contains("\"next_retry\": \"") && status.contains("\"outbox\": 1")
        }
        try programs.run(
            "tingd", ["quota", "--data", programs.data, "--workspace", "demo", "none"])
        try eventually("it is sent", within: 60) {
            try programs.ting("mette", "status", "--json").output.contains("\"outbox\": 0")
        }
        #expect(
            try programs.ting("mette", "status", "--json").output.contains("\"next_retry\": null"))
    }

    @Test("a member whose role changes meanwhile is warned before a sync", .tags(.promise12))
    func roleChanged() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        try programs.member("li", role: "editor")
        let following = try Following(programs, "li")
        try eventually("it follows") { following.said.contains("Following") }
        try programs.run(
            "tingd",
            [
                "members", "--data", programs.data, "--workspace", "demo", "--role",
                "li@example.org=viewer",
            ])
        try eventually("the status knows the role") {
            try programs.ting("li", "status").output.contains("viewer")
        }
        let edit = try programs.ting("li", "add", "project", "title_en=Too late")
        #expect(edit.errors.contains("warning"), "\(edit.errors)")
    }

    @Test("a member who is removed is told, and keeps the outbox", .tags(.promise4))
    func removed() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        try programs.member("li", role: "editor")
        let following = try Following(programs, "li")
        try eventually("it follows") { following.said.contains("Following") }
        try programs.run(
            "tingd",
            [
                "members", "--data", programs.data, "--workspace", "demo", "--remove",
                "li@example.org",
            ])
        try foreign(programs, "li", title: "Too late")
        try eventually("it ends") { !following.process.isRunning }
        #expect(following.process.terminationStatus == 6)
        #expect(following.said.contains("workspace_not_found"))
        #expect(try programs.ting("li", "status", "--json").output.contains("\"outbox\": 1"))
    }
}

extension Tag {
    @Tag static var promise4: Self
    @Tag static var promise12: Self
}
