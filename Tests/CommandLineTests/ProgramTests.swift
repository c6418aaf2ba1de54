// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("The programs, as people run them", .serialized)
struct ProgramTests {
    @Test("an edit travels from one member to the other; a second sync has nothing to do")
    func travels() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        try programs.member("li", role: "editor")
        let added = try programs.ting("mette", "add", "project", "title_en=Fjernvarme i 哈尔滨")
        #expect(added.status == 0)
        let id = added.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(id.count == 36)
        #expect(try programs.ting("mette", "sync").status == 0)
        #expect(try programs.ting("li", "sync").status == 0)
        #expect(try programs.ting("li", "show", id).output.contains("Fjernvarme i 哈尔滨"))
        #expect(try programs.ting("li", "search", "哈尔").output.contains("Fjernvarme"))
        let again = try programs.ting("li", "sync", "--json")
        #expect(again.output.contains("\"received\": 0"))
    }

    @Test("SIGKILL of the server loses nothing acknowledged, and the outbox waits meanwhile")
    func kill() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        _ = try programs.ting("mette", "add", "project", "title_en=Before")
        #expect(try programs.ting("mette", "sync").status == 0)
        programs.stop(SIGKILL)
        _ = try programs.ting("mette", "add", "project", "title_en=Offline")
        #expect(try programs.ting("mette", "sync", "--timeout", "2").status == 3)
        #expect(try programs.ting("mette", "status", "--json").output.contains("\"outbox\": 1"))
        try programs.serve()
        #expect(try programs.ting("mette", "sync").status == 0)
        #expect(try programs.ting("mette", "verify").status == 0)
        #expect(try programs.run("tingd", ["verify", "--data", programs.data]).status == 0)
    }

    @Test("the examples in a help text can be pasted: none goes on in the next line unsaid")
    func examplesInHelp() throws {
        let programs = try Programs()
        for program in ["ting", "tingd"] {
            let help = try programs.run(program, ["--help"]).output
            let names = help.matches(of: /(?m)^  ([a-z]+)(?: {2,}.+)?$/).map { String($0.1) }
            #expect(names.count > 10)
            for name in names {
                let lines = try programs.run(program, ["help", name]).output
                    .split(separator: "\n", omittingEmptySubsequences: false)
                for (line, next) in zip(lines, lines.dropFirst()) {
                    let isExample = line.drop { $0 == " " }.hasPrefix(program + " ")
                    // A line is broken where its next word would not fit into 80 columns.
                    let word = next.split(separator: " ").first ?? ""
                    let isBroken = line.count + 1 + word.count > 80 && !word.isEmpty
                    #expect(
                        !isExample || line.hasSuffix("\\") || !isBroken,
                        "\(program) \(name): \(line)\n\(next)")
                }
            }
        }
    }

    @Test("one change set may change tens of megabytes of the server's file")
    func largeChangeSet() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        let path = try programs.ting("mette", "path").output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let sql = { (statement: String) in
            try programs.run(
                URL(filePath: "/usr/bin/sqlite3"), [path, statement], programs.environment("mette")
            ).status == 0
        }
        #expect(
            try sql(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)
                INSERT INTO task (title, body) SELECT 'Opgave ' || i, printf('%.*c', 3900, 'x') FROM n
                """))
        #expect(try programs.ting("mette", "sync").status == 0)
        #expect(try sql("UPDATE task SET title = title || '!'"))
        let sync = try programs.ting("mette", "sync", "--json")
        #expect(sync.status == 0, "\(sync.errors)")
        #expect(sync.output.contains("\"sent\": 1"))
        #expect(try programs.ting("mette", "verify").status == 0)
    }

    @Test("a clone that was killed before its replica was known is taken up by the next one")
    func cloneLeftBehind() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        let file = URL(filePath: programs.home("mette")).appending(path: "config.json")
        var known = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        known["replicas"] = [Any]()
        try JSONSerialization.data(withJSONObject: known).write(to: file)
        #expect(try programs.ting("mette", "status").status == 1)
        let again = try programs.ting("mette", "clone", "demo")
        #expect(again.status == 0, "\(again.errors)")
        // It had synced: its digest was left once, and is not left again.
        #expect(try suspect(programs, "mette") == "0")
        #expect(try programs.ting("mette", "status").status == 0)
        // A replica that is known is not cloned over.
        #expect(try programs.ting("mette", "clone", "demo").errors.contains("(file_exists)"))
    }

    @Test(
        "a sync that fails before it reaches the network is told by status, too",
        .tags(.promise12))
    func failsEarly() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        var environment = programs.environment("mette")
        environment["HTTPS_PROXY"] = "socks5://127.0.0.1:1"
        let sync = Programs.program("ting")
        // To look what a sync would do is none.
        #expect(try programs.run(sync, ["sync", "--dry-run"], environment).status == 1)
        let before = try programs.ting("mette", "status", "--json").output
        #expect(before.contains("\"last_error\": null"), "\(before)")
        let failed = try programs.run(sync, ["sync"], environment)
        #expect(failed.status == 1 && failed.errors.contains("(proxy_unusable)"), "\(failed)")
        let told = try programs.ting("mette", "status", "--json").output
        #expect(told.contains("\"last_error\": \"The proxy address"), "\(told)")
        #expect(try programs.ting("mette", "sync").status == 0)
        let after = try programs.ting("mette", "status", "--json").output
        #expect(after.contains("\"last_error\": null"), "\(after)")
    }

    @Test("a logout takes parts of snapshots along, and names the older replicas that it leaves")
    func leftBeside() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        let path = try programs.ting("mette", "path").output.trimmingCharacters(in: .newlines)
        let parts = [".partial", ".partial.etag", ".partial-journal", ".snapshot.partial"]
        for suffix in parts + [".before-1", ".before-1-2", ".before-1-wal"] {
            try Data("x".utf8).write(to: URL(filePath: path + suffix))
        }
        let logout = try programs.ting("mette", "logout", "--json")
        #expect(logout.status == 0, "\(logout)")
        let told = try #require(
            try JSONSerialization.jsonObject(with: Data(logout.output.utf8)) as? [String: Any])
        #expect(told["removed"] as? [String] == [path])
        #expect(told["kept"] as? [String] == [path + ".before-1", path + ".before-1-2"])
        let folder = (path as NSString).deletingLastPathComponent
        let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(left == ["", "-2", "-wal"].map { "demo.sqlite.before-1\($0)" })
    }

    /// What the replica holds of its own digest: -1 where it has not computed it yet.
    private func suspect(_ programs: Programs, _ home: String, after sql: String = "") throws
        -> String
    {
        let told = try shell(
            programs, home, ".dbconfig enable_trigger off", sql, "SELECT suspect FROM ting_replica")
        let lines = told.output.split(separator: "\n")
        return String(lines.last ?? "")
    }

    /// What the stock shell does with the replica.
    @discardableResult
    private func shell(
        _ programs: Programs, _ home: String, _ statements: String...
    ) throws -> Programs.Result {
        let path = try programs.ting(home, "path").output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        return try programs.run(
            URL(filePath: "/usr/bin/sqlite3"), [path] + statements, programs.environment(home))
    }

    @Test("a clone leaves its digest to the sync after its own, which mends what came wrong")
    func clonesDigest() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        _ = try programs.ting("mette", "add", "project", "code=P-1", "title_en=Rent vand")
        #expect(try programs.ting("mette", "sync").status == 0)
        try programs.member("li", role: "editor")
        #expect(try suspect(programs, "li", after: "UPDATE project SET title_en = 'Rot'") == "-1")
        #expect(try programs.ting("li", "show", "P-1").output.contains("Rot"))
        let synced = try programs.ting("li", "sync")
        #expect((synced.output + synced.errors).contains("they differed: 1 record"), "\(synced)")
        #expect(try suspect(programs, "li") == "0")
        #expect(try programs.ting("li", "show", "P-1").output.contains("Rent vand"))
    }

    @Test(
        "a viewer's edit goes to quarantine with exit 5; an unknown value is an error with exit 1")
    func roles() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        try programs.member("guest", role: "viewer")
        _ = try programs.ting("guest", "add", "project", "title_en=Not mine")
        #expect(try programs.ting("guest", "sync").status == 5)
        #expect(try programs.ting("guest", "quarantine").output.contains("role_too_low"))
        let wrong = try programs.ting("mette", "add", "project", "status=nonsense")
        #expect(wrong.status == 1)
        #expect(wrong.errors.contains("Allowed: idea"))
    }

    @Test("numbers at their ends are answered: a version in `log`, a row's place in `list`")
    func greatestNumbers() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        for title in ["Rent vand", "Havvind"] {
            _ = try programs.ting("mette", "add", "project", "title_en=\(title)")
            #expect(try programs.ting("mette", "sync").status == 0)
        }
        let compact = ["compact", "--data", programs.data, "--keep", "1"]
        #expect(try programs.run("tingd", compact).status == 0)
        try programs.member("li", role: "editor")
        for since in ["9223372036854775807", "9223372036854775806", "0"] {
            let log = try programs.ting("li", "log", "--since", since)
            #expect(log.status == 0, "\(log)")
        }
        for collection in ["programme", "project"] {
            try shell(
                programs, "li",
                "INSERT INTO \(collection) (rowid, title_en) VALUES (9223372036854775807, 'Last')")
        }
        let list = try programs.ting("li", "list", "project")
        #expect(list.status == 0 && list.output.contains("Rent vand"), "\(list)")
    }

    @Test("a conflict that another tool made up is counted nowhere")
    func madeUpConflict() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        _ = try programs.ting("mette", "add", "project", "code=P-1", "title_en=Rent vand")
        let shown = try programs.ting("mette", "show", "P-1")
        try shell(
            programs, "mette",
            "INSERT INTO conflict (collection, record, field) SELECT 'project', id, 'title_en' FROM project"
        )
        #expect(try programs.ting("mette", "add", "project", "title_en=Havvind").status == 0)
        #expect(try programs.ting("mette", "show", "P-1").output == shown.output)
    }
}
