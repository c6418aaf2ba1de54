// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingStore
import TingTesting
import TingWire

extension ServerTests {
    @Suite("A workspace whose file can't be read")
    struct UnreadableWorkspaceTests {
        private static let sync = """
            {"protocol": "1", "schema": "1", "replica": "33333333-3333-7333-8333-333333333333",
            "base": {"epoch": "5b0c0c1e-8f0a-4c56-9d3a-3f1f5a0e7c11"},
            "history_digest": "\(String(repeating: "0", count: 64))",
            "state_digest": "\(String(repeating: "0", count: 64))", "sent": "1750000000500"}
            """

        @Test("it stands in lists without what its file says, and no join fails for it")
        func listed() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "good", as: .owner)
                // Made by an operator; the server has not opened it yet.
                let code = try server.invite("anna@example.org", to: "rotten", as: .owner)
                let id = try server.asOperator {
                    try #require(try $0.accounts.workspace(slug: "rotten"))
                }
                try Data(repeating: 7, count: 10_000).write(
                    to: URL(fileURLWithPath: "\(server.path)/workspaces/\(id).sqlite"))
                let joined: Ting_V1_JoinResponse = try await server.join(code).message()
                for token in [anna.token, joined.token] {
                    let list: Ting_V1_WorkspacesResponse = try await server.call(
                        .GET, "/v1/workspaces", token: token
                    ).message()
                    #expect(list.workspaces.map(\.slug).sorted() == ["good", "rotten"])
                    let rotten = try #require(list.workspaces.first { $0.slug == "rotten" })
                    #expect(rotten.role == "owner" && rotten.epoch.isEmpty && rotten.head == 0)
                    #expect(list.workspaces.contains { !$0.epoch.isEmpty })
                }
                #expect(joined.workspaces.count == 2)
                let one = try await server.call(
                    .GET, "/v1/workspaces/rotten", token: anna.token)
                #expect(one.status == 500 && one.code == "internal")
            }
        }

        @Test(
            "its members hear that the server can't read it, the log names it, and no file is made",
            arguments: [false, true])
        func told(isMissing: Bool) async throws {
            let log = TestFolder.new() + ".log"
            defer { try? FileManager.default.removeItem(atPath: log) }
            let server = try await ServerProcess(logFile: log)
            let token = try await server.join("anna@example.org", "good")
            // Made by an operator; the server has not opened it yet.
            let invited = try await Program.tingd(
                "invite", "--data", server.path, "--name", "A", "--email", "anna@example.org",
                "--workspace", "rotten", "--role", "owner")
            #expect(invited.code == 0)
            let status = try await Program.tingd("status", "--data", server.path, "--json")
            let id = try #require(
                status.output.matches(of: /"id" : "([^"]+)",[^}]*?"slug" : "(\w+)"/)
                    .first { $0.2 == "rotten" }?.1)
            let path = "\(server.path)/workspaces/\(id).sqlite"
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: path + suffix)
            }
            if !isMissing {
                try Data(repeating: 7, count: 10_000).write(to: URL(fileURLWithPath: path))
            }
            let invitation = try #require(invited.output.firstMatch(of: /code=(\w+)/)?.1)
            let joined = try await server.curl(
                "\(server.url)/v1/join", "-H", "Content-Type: application/json", "-d",
                TestServer.joinBody(String(invitation)))
            let own = try #require(joined.output.firstMatch(of: /"token":"([^"]+)"/)?.1)
            let address = "\(server.url)/v1/workspaces/rotten"
            for words in [
                ["\(address)/sync", "-H", "Content-Type: application/json", "-d", Self.sync],
                ["\(address)/entries"], ["\(address)/snapshot"], ["\(address)/snapshot/manifest"],
                ["\(address)/follow"], [address],
            ] {
                let before = try String(contentsOfFile: log, encoding: .utf8)
                let answer = try await Program.run(
                    ["curl", "-sS", "--cacert", server.ca, "-H", "Authorization: Bearer \(own)"]
                        + words)
                #expect(answer.output.contains(#""code":"internal""#), "\(words): \(answer.output)")
                #expect(
                    answer.output.contains("can't read the file of this workspace"),
                    "\(words): \(answer.output)")
                #expect(answer.output.contains("edits stay in the outbox"))
                let news = try String(contentsOfFile: log, encoding: .utf8).dropFirst(before.count)
                #expect(news.contains("workspace.unreadable"), "\(words): \(news)")
                #expect(news.contains(id), "\(words): \(news)")
            }
            #expect(FileManager.default.fileExists(atPath: path) == !isMissing)
            let good = try await server.curl(
                "-H", "Authorization: Bearer \(token)", "\(server.url)/v1/workspaces/good")
            #expect(good.output.contains(#""slug":"good""#), "\(good.output)")
        }

        /// It was a trap of GRDB's, and ended the server for all.
        @Test("what rotted of the accounts fails the requests that read it; others are answered")
        func rottenAccounts() async throws {
            try await TestServer.run { server in
                let rots = [("member", "name"), ("member", "email"), ("device", "last_seen")]
                let li = try await server.person("li@example.cn", in: "plan", as: .owner)
                let bo = try await server.person("bo@example.org", in: "other", as: .owner)
                var victims: [Person] = []
                for number in rots.indices {
                    victims.append(
                        try await server.person("\(number)@example.org", in: "plan"))
                }
                for (victim, (table, column)) in zip(victims, rots) {
                    try Rot.happen(
                        to: column, of: table,
                        where: "\(table == "member" ? "id" : "member") = '\(victim.member)'",
                        in: "\(server.path)/server.sqlite")
                    for path in ["", "/plan", "/plan/members"] {
                        let reply = try await server.call(
                            .GET, "/v1/workspaces\(path)", token: victim.token)
                        #expect(
                            reply.status == 500 && reply.code == "internal",
                            "\(table).\(column), \(path): \(reply.text)")
                    }
                    for path in ["", "/other", "/other/members"] {
                        let reply = try await server.call(
                            .GET, "/v1/workspaces\(path)", token: bo.token)
                        #expect(reply.status == 200, "\(path): \(reply.text)")
                    }
                }
                // Who shares a workspace with them does without its list of members.
                let plan = try await server.call(.GET, "/v1/workspaces/plan", token: li.token)
                #expect(plan.status == 200)
                let list = try await server.call(
                    .GET, "/v1/workspaces/plan/members", token: li.token)
                #expect(list.status == 500 && list.code == "internal")
            }
        }

        /// SQLite would go on with the file that it once opened, wherever that lies now.
        @Test(
            "one that is taken away while it is open is missed at once, whole where it went, and back when it is back",
            arguments: [["", "-wal", "-shm"], [""], ["-wal"]])
        func displaced(_ suffixes: [String]) async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "plan", as: .owner)
                let replica = try await TestReplica(server, anna, "plan")
                try replica.insert("before")
                try await replica.exchange()
                let id = try server.asOperator {
                    try #require(try $0.accounts.workspace(slug: "plan"))
                }
                let path = "\(server.path)/workspaces/\(id).sqlite"
                let aside = "\(server.path)/aside.sqlite"
                for suffix in suffixes { #expect(rename(path + suffix, aside + suffix) == 0) }
                try replica.insert("meanwhile")
                let reply = try await replica.post(try replica.replica.nextRequest())
                if suffixes.contains("") {
                    #expect(reply.status == 500 && reply.text.contains("can't read the file"))
                    // By a copy of the file alone: nothing is left in its log.
                    let alone = aside + ".alone"
                    try FileManager.default.copyItem(atPath: aside, toPath: alone)
                    let file = try Workspace(path: alone, schema: .sample)
                    #expect(try file.head().version == 1)
                    try file.close()
                    #expect(rename(aside, path) == 0)
                }
                try await replica.exchange()
                #expect(try replica.replica.outbox().isEmpty)
                #expect(try server.verify().problems.isEmpty)
                let file = try Workspace.looking(
                    at: path, schema: .sample, copies: server.path)
                #expect(try file.head().version == 2)
                try file.close()
            }
        }
    }
}
