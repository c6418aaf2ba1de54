// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Runs the built `ting` and `tingd` as processes, over real TLS, in a folder of its own.
final class Programs {
    let folder = FileManager.default.temporaryDirectory.appending(path: "ting-\(UUID().uuidString)")
    private var server: Process?
    private(set) var address = "127.0.0.1:0"

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try #require(try run("tingd", ["init", "--data", data]).status == 0)
        try serve()
    }

    deinit {
        stop(SIGTERM)
        try? FileManager.default.removeItem(at: folder)
    }

    var data: String { folder.appending(path: "server").path }

    func serve() throws {
        let (process, output) = (Process(), Pipe())
        process.executableURL = Self.program("tingd")
        process.arguments = ["serve", "--data", data, "--listen", address]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        server = process
        var line = ""
        while !line.hasSuffix("\n") {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "tingd ended before it was ready")
            line += String(decoding: more, as: UTF8.self)
        }
        let url = try #require(line.split(separator: " ").last)
        #expect(line.hasPrefix("tingd: ready on https://"))
        address = String(url.dropFirst("https://".count).dropLast())
    }

    func stop(_ signal: Int32) {
        guard let server else { return }
        kill(server.processIdentifier, signal)
        server.waitUntilExit()
        self.server = nil
    }

    struct Result { var status: Int32, output: String, errors: String }

    @discardableResult
    func run(_ program: String, _ arguments: [String], home: String = "nobody") throws -> Result {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = Self.program(program)
        process.arguments = arguments
        process.environment = ["TING_HOME": folder.appending(path: home).path, "LANG": "C.UTF-8"]
        (process.standardOutput, process.standardError) = (output, errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let trouble = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: trouble, as: UTF8.self))
    }

    func ting(_ home: String, _ arguments: String...) throws -> Result {
        try run("ting", arguments, home: home)
    }

    /// Invites, joins and clones.
    func member(_ home: String, role: String) throws {
        let invited = try run(
            "tingd",
            [
                "invite", "--data", data, "--name", home, "--email", "\(home)@example.org",
                "--workspace", "demo", "--role", role,
            ])
        let line = try #require(invited.output.split(separator: "\n").last)
        let joined = try ting(home, "join", String(line))
        try #require(joined.status == 0, "\(joined.errors)")
        let cloned = try ting(home, "clone", "demo")
        try #require(cloned.status == 0, "\(cloned.errors)")
    }

    private static func program(_ name: String) -> URL {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: name)
    }
}

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

    @Test("a viewer's edit goes to quarantine with exit 5; an unknown value is an error with exit 1")
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
}
