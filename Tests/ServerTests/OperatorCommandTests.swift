// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingServer

extension ServerTests {
    @Suite("Commands that can't be done say what happened and what to do")
    struct OperatorCommandTests {
        @Test("init: a folder that holds something is left alone")
        func initTwice() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            let before = try FileManager.default.subpathsOfDirectory(atPath: desk.path)
            try await desk.run(
                "init", "--data", desk.path, is: 1,
                saying: [
                    "The folder \(desk.path) is not empty.", "tingd serve --data \(desk.path)",
                ])
            #expect(try FileManager.default.subpathsOfDirectory(atPath: desk.path) == before)
            let other = "\(desk.path)-other"
            try FileManager.default.createDirectory(
                atPath: other, withIntermediateDirectories: true)
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(other)/notes.txt"))
            try await desk.run(
                "init", "--data", other, is: 1, saying: ["Name a folder that is empty"])
            try await desk.run(
                "init", "--data", "\(other)/new", "--host", "not a host", is: 1,
                saying: ["not a host is neither a host name nor an IP address."])
            // It left nothing that stands in the way of the next.
            try await desk.run("init", "--data", "\(other)/new", is: 0)
            try await desk.run("init", is: 2, saying: ["--data"])
            try await desk.run(
                "init", "--data", "\(other)/new", "--tls-cert", "x", is: 2, saying: ["--tls-key"])
            try await desk.run(
                "init", "--data", "\(other)/new", "--url", "http://a", is: 2, saying: ["--url"])
        }

        @Test("serve: one server a folder, one a port; certificates that can't be used are named")
        func serve() async throws {
            let first = try await ServerProcess()
            let desk = try await Desk()
            defer { desk.cleanUp() }
            try await desk.run(
                "serve", "--data", first.path, "--listen", "127.0.0.1:0", is: 1,
                saying: ["A server is running in \(first.path).", "SIGTERM"])
            let taken = try await desk.run(
                "serve", "--data", desk.path, "--listen", "\(first.address)", is: 1,
                saying: ["Address already in use", "--listen"])
            #expect(!taken.errors.contains("warning"))
            try await desk.run(
                "serve", "--data", desk.path, "--listen", "nonsense", is: 2, saying: ["--listen"])
            try await desk.run("serve", "--data", desk.path, "--tls-min", "1.1", is: 2)
            try await desk.run("serve", "--data", desk.path, "--log-level", "loud", is: 2)
            try await desk.run(
                "serve", "--data", desk.path, "--tls-cert", "/nowhere.pem", "--tls-key",
                "/nowhere.key",
                is: 1, saying: ["/nowhere.pem", "PEM"])
            try await desk.run(
                "serve", "--data", "/nowhere", is: 1,
                saying: ["There is no Ting server in /nowhere."])
            // The first is none the worse for it.
            #expect(try await first.curl("\(first.url)/healthz").output == "ok\n")
        }

        @Test(
            "serve ends, and says why, when its accounts are taken away: no command could reach it",
            arguments: [["", "-wal", "-shm"], [""], ["-wal"]])
        func displaced(_ suffixes: [String]) async throws {
            let log = TestFolder.new() + ".log"
            let server = try await ServerProcess(logFile: log)
            defer { try? FileManager.default.removeItem(atPath: log) }
            let token = try await server.join("anna@example.org", "plan")
            let path = "\(server.path)/server.sqlite"
            for suffix in suffixes { #expect(rename(path + suffix, path + ".aside" + suffix) == 0) }
            #expect(await server.end() == 1)
            let said = try String(contentsOfFile: log, encoding: .utf8)
            #expect(
                said.contains("server.sqlite") && said.contains("hint: Put in place"), "\(said)")
            // By the file alone: nothing is left in its log.
            if suffixes.contains("") { #expect(rename(path + ".aside", path) == 0) }
            let again = try await ServerProcess(path: server.path)
            let answer = try await again.curl(
                "-H", "Authorization: Bearer \(token)", "\(again.url)/v1/workspaces")
            #expect(answer.output.contains(#""slug":"plan""#), "\(answer.output)")
        }

        @Test("invite: addresses, roles and workspaces are checked before anything is made")
        func invite() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            try await desk.invite("nonsense", is: 2, saying: ["name@example.org"])
            try await desk.invite(
                "a@b.c", is: 2, saying: ["owner"], "--workspace", "t", "--role", "king")
            try await desk.invite("a@b.c", is: 2, saying: ["--workspace"], "--role", "owner")
            try await desk.invite(
                "a@b.c", is: 1, saying: ["can't name a workspace", "lower-case"], "--workspace",
                "A B")
            try await desk.invite(
                "a@b.c", is: 1, saying: ["There is no workspace t."], "--workspace", "t",
                "--existing")
            let status = try await desk.run("status", "--data", desk.path, "--json", is: 0)
            #expect(status.output.contains(#""workspaces" : ["#) && !status.output.contains("slug"))
            try await desk.invite(
                "a@b.c", saying: ["made the workspace t"], "--workspace", "t", "--role", "owner")
        }

        @Test("compact and log: a floor has one measure; versions, dates and ids are checked")
        func compact() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            for command in ["compact", "log"] {
                try await desk.run(
                    command, "--data", desk.path, is: 1,
                    saying: ["There is no workspace yet.", "tingd invite"])
            }
            try await desk.invite("a@b.c", "--workspace", "t", "--role", "owner")
            let compact = ["compact", "--data", desk.path]
            for (wrong, saying) in [
                (["--keep", "0"], "the head stays"), (["--to", "0"], "from 1 on"),
                (["--before", "soon"], "2025-01-01"),
                (["--keep", "1", "--to", "2"], "Only one"),
            ] {
                let result = try await Program.run([Program.tingdPath] + compact + wrong)
                #expect(result.code == 2 && result.errors.contains(saying), "\(result.errors)")
            }
            try await desk.run(
                "compact", "--data", desk.path, "--workspace", "x", is: 1,
                saying: ["There is no workspace x."])
            try await desk.run(
                "compact", "--data", desk.path, is: 0,
                saying: ["t: nothing to move; the floor is version 1"])
            try await desk.run(
                "compact", "--data", desk.path, "--workspace", "t", "--to", "99", is: 1,
                saying: ["There is no version 99 in t; its head is 0."])
            try await desk.run(
                "log", "--data", desk.path, "x", is: 2, saying: ["not the whole id"])
            try await desk.run("log", "--data", desk.path, "--since", "-1", is: 2)
            try await desk.run(
                "log", "--data", desk.path, "--workspace", "x", is: 1,
                saying: ["There is no workspace x."])
            let log = try await desk.run("log", "--data", desk.path, "--json", is: 0)
            #expect(log.output.isEmpty)
        }

        @Test("members: unknown ones and roles are named; taking the last owner away is said")
        func members() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            try await desk.run(
                "members", "--data", desk.path, "--remove", "a@b.c", is: 1,
                saying: ["There is no workspace yet."])
            try await desk.invite("a@b.c", "--workspace", "t", "--role", "owner")
            try await desk.run(
                "members", "--data", desk.path, "--workspace", "x", is: 1,
                saying: ["There is no workspace x."])
            try await desk.run(
                "members", "--data", desk.path, "--remove", "b@b.c", is: 1,
                saying: ["b@b.c is not a member of t."])
            try await desk.run(
                "members", "--data", desk.path, "--role", "a@b.c=king", is: 2, saying: ["--role"])
            let removed = try await desk.run(
                "members", "--data", desk.path, "--remove", "a@b.c", is: 0)
            #expect(removed.errors.contains("t has no owner now"))
            try await desk.run(
                "members", "--data", desk.path, "--remove", "a@b.c", is: 1,
                saying: ["a@b.c is not a member of t."])
        }

        @Test("a folder that can't be read is told from one that is not there")
        func unreadable() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            let prefix = geteuid() == 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : []
            let probe = try await Program.run(prefix + [Program.tingdPath, "--version"])
            guard probe.code == 0 else {
                try Test.cancel("Another user may not even start the program here.")
            }
            try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: desk.path)
            for command in [
                ["status"], ["verify"], ["serve", "--listen", "127.0.0.1:0"], ["init"],
            ] {
                let result = try await Program.run(
                    prefix + [Program.tingdPath] + command + ["--data", desk.path])
                #expect(result.code == 1)
                #expect(
                    result.errors.contains("can't be used: Permission denied."), "\(result.errors)")
            }
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o700], ofItemAtPath: desk.path)
        }

        @Test("verify: a damaged file is named, and the exit code says so")
        func verify() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            try await desk.invite("a@b.c", "--workspace", "t", "--role", "owner")
            try await desk.run("verify", "--data", desk.path, is: 0)
            let workspaces = "\(desk.path)/workspaces"
            let file = try #require(
                try FileManager.default.contentsOfDirectory(atPath: workspaces)
                    .first { $0.hasSuffix(".sqlite") })
            try Data(repeating: 7, count: 10_000).write(
                to: URL(fileURLWithPath: "\(workspaces)/\(file)"))
            let found = try await Program.tingd("verify", "--data", desk.path)
            #expect(found.code == 1)
            #expect(found.errors.contains("t: its file can't be read (\(workspaces)/\(file))."))
            #expect(found.errors.contains("tingd: hint: "))
        }

        @Test(
            "status and members tell what there is, also while the server runs; times are written down at its end"
        )
        func looks() async throws {
            let server = try await ServerProcess()
            _ = try await server.curl(
                "-H", "Authorization: Bearer \(try await server.join("anna@example.org", "team"))",
                "\(server.url)/v1/workspaces")
            let status = try await Program.tingd("status", "--data", server.path)
            #expect(status.output.contains("https://\(server.address) (running)"))
            #expect(status.output.contains(/team +0 +1 +1 +\d+ +none/))
            server.signal(SIGTERM)
            #expect(await server.end() == 0)
            let members = try await Program.tingd("members", "--data", server.path, "--json")
            #expect(members.output.contains(/"last_seen" : "20/))
            #expect(
                try await Program.tingd("status", "--data", server.path).output.contains(
                    "(not running)"))
        }

        @Test("a log nobody can read ends no server")
        func closedLog() async throws {
            let server = try await ServerProcess(log: .closed, "--log-level", "debug")
            for _ in 0..<3 {
                #expect(try await server.curl("\(server.url)/healthz").output == "ok\n")
            }
            server.signal(SIGTERM)
            #expect(await server.end() == 0)
        }

        @Test(
            "a server with few file handles serves on, however many come", .timeLimit(.minutes(1)))
        func fewHandles() async throws {
            let server = try await ServerProcess(fileHandles: 200)
            var clients: [RawClient] = []
            for _ in 0..<300 {
                clients.append(try await RawClient(server.address, ca: server.ca, protocols: nil))
            }
            clients = []
            let health = try await server.curl(
                "--retry", "3", "--max-time", "20", "\(server.url)/healthz")
            #expect(health.output == "ok\n", "\(health.errors)")
        }
    }
}
