// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingWire

@Suite("The specification says what the code does")
struct SpecificationTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private func text(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
    }

    /// What a page's headings are called in links to them.
    static func anchors(of page: String) -> Set<String> {
        Set(
            page.matches(of: /(?m)^#+ (.+)$/).map { heading in
                heading.1.lowercased().replacing(" ", with: "-")
            })
    }

    @Test("errors.md lists every code with its status and remedy")
    func errors() throws {
        let page = try text("Protocol/spec/errors.md")
        for code in ProblemCode.allCases {
            #expect(
                page.contains(
                    "| `\(code.rawValue)` | \(code.status) | \(code.title) | \(code.remedy) |"))
        }
        for code in Rejection.allCases {
            #expect(page.contains("| `\(code.rawValue)` | \(code.remedy) |"))
        }
        let codes = ProblemCode.allCases.map(\.rawValue) + Rejection.allCases.map(\.rawValue)
        let listed = page.matches(of: /(?m)^\| `(\w+)` \|/).map { String($0.1) }
        #expect(Set(listed) == Set(codes + Deferral.allCases.map(\.rawValue)))
        for code in Deferral.allCases {
            #expect(page.contains("| `\(code.rawValue)` | \(code.remedy) |"))
        }
    }

    @Test("rules.md names vectors and tests that are there, and one at least for each rule")
    func rules() throws {
        let rows = try text("Docs/rules.md").matches(
            of: /(?m)^\| (?<number>\d+) [^|]+ \|(?<vectors>[^|]*)\|(?<tests>[^|]*)\|$/)
        #expect(rows.map { Int($0.number) } == (1...rows.count).map(Optional.some))
        let vectors = try FileManager.default.contentsOfDirectory(
            atPath: Self.root.appending(path: "Protocol/vectors").path)
        let sources =
            try files(in: "Tests", "swift") + files(in: "Clients/Python/tests", "py")
        let tests = try sources.map { try String(contentsOf: $0, encoding: .utf8) }
        for row in rows {
            let named = row.vectors.matches(of: /`([^`]+)`/).map(\.1)
            for name in named {
                #expect(vectors.contains("\(name).json"), "\(row.number): \(name)")
            }
            // `Suite.function(_:)` in Swift, `test_of_something` in Python.
            let proofs = row.tests.matches(of: /`(?:(\w+)\.)?(\w+)(?:\(.*?\))?`/)
            for proof in proofs {
                let words = proof.1.map { ["\($0)", "func \(proof.2)("] } ?? ["def \(proof.2)("]
                let isThere = tests.contains { test in words.allSatisfy(test.contains) }
                #expect(isThere, "\(row.number): \(proof.0)")
            }
            #expect(!named.isEmpty || !proofs.isEmpty, "\(row.number) has no test")
        }
    }

    @Test("scripting.md lists every code that the program gives of its own, and no other")
    func ownErrors() throws {
        let page = try text("Docs/scripting.md")
        let section = try #require(
            page.split(separator: "\n## ").first { $0.hasPrefix("Errors\n") })
        let listed = Set(
            section.matches(of: /(?m)^\| (`.*?`) \|/)
                .flatMap { $0.1.matches(of: /`(\w+)`/).map { String($0.1) } })
        let server = Set(ProblemCode.allCases.map(\.rawValue) + Rejection.allCases.map(\.rawValue))
        var given: Set<String> = []
        for folder in [
            "Clients/CLI", "Clients/TingClient", "Sources/TingStore", "Sources/TingWire",
        ] {
            for file in try files(in: folder, "swift") {
                let code = try String(contentsOf: file, encoding: .utf8)
                let named = code.matches(of: /code: (?:[^",\n]*\? )?"(\w+)"(?: : "(\w+)")?/)
                given.formUnion(named.flatMap { [$0.1, $0.2].compactMap { $0.map(String.init) } })
                let constant = code.matches(of: /var code: String \{ "(\w+)" \}/)
                given.formUnion(constant.map { String($0.1) })
                // `public var code` of an error: a case for each.
                for property in code.matches(of: /var code: String \{\n(?:.*\n)*?    \}\n/) {
                    given.formUnion(
                        property.0.matches(of: /case [^\n]*: "(\w+)"/).map { String($0.1) })
                }
            }
        }
        #expect(listed.subtracting(given) == [])
        #expect(given.subtracting(listed).subtracting(server) == [])
    }

    private func files(in folder: String, _ kind: String) throws -> [URL] {
        let found = FileManager.default.enumerator(
            at: Self.root.appending(path: folder), includingPropertiesForKeys: nil)
        return (found?.allObjects ?? []).compactMap { $0 as? URL }
            .filter { $0.pathExtension == kind }
    }

    @Test("limits.md lists every limit of Limits.swift with its value, and no other")
    func limits() throws {
        let code = try text("Sources/TingCore/Limits.swift")
        let limits = code.matches(of: /static let (\w+)(?:: \w+)? = ([^\n]+)/)
            .map { "\($0.1) \(Self.number(String($0.2)))" }
        let listed = try text("Protocol/spec/limits.md").matches(of: /(?m)^\| `(\w+)` \| (\d+) \|/)
            .map { "\($0.1) \($0.2)" }
        #expect(limits == listed)
    }

    /// The value of what limits are written as: `4 << 20`, `8 * 1024`, `20_000`.
    private static func number(_ expression: String) -> Int {
        let parts = expression.replacing("_", with: "").split(separator: " ")
        var value = parts.first.flatMap { Int($0) } ?? -1
        for (operation, part) in zip(parts.dropFirst(), parts.dropFirst(2)) {
            guard let other = Int(part) else { continue }
            switch operation {
            case "<<": value <<= other
            case "*": value *= other
            default: break
            }
        }
        return value
    }

    private static let pages: [String] = {
        let folder = root.appending(path: "Protocol/spec")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".md") }.sorted()
    }()

    @Test("every section that a page points to is there", arguments: pages)
    func references(_ page: String) throws {
        try expectSections(of: text("Protocol/spec/\(page)"))
    }

    @Test("every section of the specification and every decision that the code points to is there")
    func referencesOfTheCode() throws {
        let decisions = try FileManager.default.contentsOfDirectory(
            atPath: Self.root.appending(path: "Docs/decisions").path)
        for source in try ["Sources", "Clients", "Tests"].flatMap(sources) {
            try expectSections(of: source.text)
            for name in source.text.matches(of: /decisions\/([\w-]+\.md)/) {
                #expect(decisions.contains(String(name.1)), "\(source.name)")
            }
        }
    }

    private func expectSections(of text: String) throws {
        for link in text.matches(of: /(\w+\.md)#([\w-]+)/) {
            let anchors = Self.anchors(of: try self.text("Protocol/spec/\(link.1)"))
            #expect(anchors.contains(String(link.2)), "\(link.0)")
        }
    }

    @Test("every vector that a page names is there", arguments: pages)
    func vectors(_ page: String) throws {
        let names = VectorTests.scenarios.map(\.name)
        for list in try text("Protocol/spec/\(page)").matches(of: /Vectors?: ([^.]+)\./) {
            for name in list.1.matches(of: /`([\w-]+)(\*?)`/) {
                let found = names.contains { name.2.isEmpty ? $0 == name.1 : $0.hasPrefix(name.1) }
                #expect(found, "\(name.0)")
            }
        }
    }

    @Test("reliability.md names tests of each promise; they are there, and some bear its tag")
    func promises() throws {
        let sources = try sources("Tests")
        let lines = try text("Docs/reliability.md").matches(of: /(?m)^\| (\d+) [^|]+\|([^|]+)\|/)
        #expect(lines.map { Int($0.1) } == Array(1...12))
        for line in lines {
            let names = line.2.matches(of: /`(\w+Tests)`/).map { String($0.1) }
            #expect(!names.isEmpty)
            #expect(names.allSatisfy { name in sources.contains { $0.name == name } }, "\(line.2)")
            let tag = try Regex("\\.promise\(line.1)\\b")
            let tagged = sources.contains { names.contains($0.name) && $0.text.contains(tag) }
            #expect(tagged, "promise \(line.1)")
        }
    }

    /// The Swift files under a folder of the repository.
    private func sources(_ folder: String) throws -> [(name: String, text: String)] {
        let files = FileManager.default.enumerator(
            at: Self.root.appending(path: folder), includingPropertiesForKeys: nil)
        return try (files?.compactMap { $0 as? URL } ?? [])
            .filter { $0.pathExtension == "swift" }
            .map { file in
                (
                    file.deletingPathExtension().lastPathComponent,
                    try String(contentsOf: file, encoding: .utf8)
                )
            }
    }

    @Test("every rejection and deferral tells the reader what to do")
    func remedies() {
        let remedies = Rejection.allCases.map(\.remedy) + Deferral.allCases.map(\.remedy)
        #expect(remedies.allSatisfy { $0.hasSuffix(".") })
    }

    @Test("the glossary is in order, each word once")
    func glossary() throws {
        let words = try text("Docs/glossary.md").matches(of: /(?m)^\| ([a-z][^|]*) \|/)
            .map { String($0.1) }.dropFirst()
        #expect(!words.isEmpty)
        #expect(zip(words, words.dropFirst()).allSatisfy { $0 < $1 })
    }
}
