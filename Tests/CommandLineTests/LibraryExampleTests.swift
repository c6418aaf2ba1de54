// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What Docs/library.md shows, as another program would use it.
@Suite("The library's example")
struct LibraryExampleTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    @Test("every part that the page shows stands in the program, and every product in the package")
    func page() throws {
        let program = try Self.text("Clients/Examples/Library/LibraryExample.swift")
        let package = try Self.text("Package.swift")
        let page = try Self.text("Docs/library.md")
        let parts = page.split(separator: "```swift\n").dropFirst()
            .compactMap { $0.split(separator: "```").first }
        #expect(parts.count > 8)
        for part in parts where !part.contains("import PackageDescription") {
            #expect(program.contains(part), "\(part)")
        }
        let products = page.matches(of: /\.product\(name: "(\w+)", package: "ting"\)/)
            .map { String($0.output.1) }
        #expect(products.sorted() == ["TingClient", "TingCore", "TingPlanning", "TingStore"])
        for product in products { #expect(package.contains(".library(name: \"\(product)\"")) }
    }

    @Test("joins, clones, plans, syncs, settles a conflict, follows and takes back, beside `ting`")
    func runs() throws {
        let programs = try Programs()
        let file = programs.folder.appending(path: "replica.sqlite").path
        func example(_ words: String...) throws -> String {
            let result = try programs.run("library-example", words, home: "mette")
            try #require(result.status == 0, "\(words): \(result.output)\(result.errors)")
            return result.output
        }
        try programs.member("li", role: "editor")
        #expect(
            try example("join", programs.invite("mette", role: "owner")).hasSuffix(" as Mette.\n"))
        #expect(try example("clone", "demo", file).hasSuffix("bytes\n"))
        let project = try example("plan", file, "District heating").dropLast()
        #expect(try example("list", file) == "2027-06 District heating\n")
        #expect(try example("sync", file) == "Version 1: 1 sent, 0 received.\n")

        try #require(programs.ting("li", "sync").status == 0)
        try #require(programs.ting("li", "set", String(project), "end=2028-06").status == 0)
        _ = try example("move", file, String(project), "2027-12")
        _ = try example("sync", file)
        try #require(programs.ting("li", "sync").status == 0)
        _ = try example("sync", file)
        let conflict = try example("conflicts", file).split(separator: " ").map(String.init)
        try #require(conflict.count == 3)
        #expect(conflict[1...] == ["end", "\"2028-06\"\n"])
        _ = try example("take", file, conflict[0])
        #expect(try example("conflicts", file).isEmpty)
        #expect(try example("list", file) == "2028-06 District heating\n")

        #expect(try example("sync", file).hasSuffix(" sent, 0 received.\n"))
        try #require(programs.ting("li", "sync").status == 0)
        #expect(try programs.ting("li", "conflicts", "--json").output == "[]\n")

        let script = """
            export TING_HOME
            { sleep 1; TING_HOME='\(programs.home("li"))'
              ting set \(project) end=2028-09 -q; ting sync -q; } &
            library-example follow '\(file)' 4
            wait
            """
        let followed = try programs.run(
            URL(filePath: "/bin/bash"), ["-c", script], programs.environment("mette"))
        #expect(followed.output.contains("Version "), "\(followed.output)\(followed.errors)")
        #expect(try example("list", file) == "2028-09 District heating\n")

        let last = try programs.ting(
            "mette", "sql", "--replica", file,
            "SELECT change_set FROM history ORDER BY version DESC LIMIT 1", "--csv")
        let changeSet = try #require(last.output.split(whereSeparator: \.isWhitespace).last)
        #expect(try example("undo", file, String(changeSet)) == "Took back 1.\n")
        #expect(try example("list", file) == "2028-06 District heating\n")
    }

    @Test("a failure is told in a sentence")
    func failure() throws {
        let programs = try Programs()
        let result = try programs.run("library-example", ["list", "/nowhere.sqlite"])
        #expect(result.output == "error: There is no replica at /nowhere.sqlite.\n")
        #expect(result.status == 1)
    }
}
