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
        try Self.launch(process)
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

    var serverProcess: Int32 { server?.processIdentifier ?? 0 }

    func stop(_ signal: Int32) {
        guard let server else { return }
        kill(server.processIdentifier, signal)
        server.waitUntilExit()
        self.server = nil
    }

    struct Result { var status: Int32, output: String, errors: String }

    @discardableResult
    func run(_ program: String, _ arguments: [String], home: String = "nobody") throws -> Result {
        try run(Self.program(program), arguments, environment(home))
    }

    /// Runs any program to its end.
    func run(
        _ program: URL, _ arguments: [String], _ environment: [String: String]
    ) throws -> Result {
        let process = Process()
        // Files, not pipes: a pipe that nobody empties stops the program.
        let name = UUID().uuidString
        let files = ["out", "err"].map { folder.appending(path: "\(name).\($0)") }
        for file in files { try Data().write(to: file) }
        process.executableURL = program
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = folder
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        process.standardInput = FileHandle.nullDevice
        try Self.launch(process)
        process.waitUntilExit()
        let texts = try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
        for file in files { try FileManager.default.removeItem(at: file) }
        return Result(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }

    /// Starts a process that can be told to stop: a child inherits the signal mask, and the threads
    /// of a task have all signals blocked.
    static func launch(_ process: Process) throws {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try process.run()
    }

    func environment(_ home: String) -> [String: String] {
        [
            "TING_HOME": self.home(home), "LANG": "C.UTF-8", "PATH": Self.path,
            "TMPDIR": folder.path,
        ]
    }

    func home(_ name: String) -> String { folder.appending(path: name).path }

    func ting(_ home: String, _ arguments: String...) throws -> Result {
        try run("ting", arguments, home: home)
    }

    /// The join address of a new invitation.
    func invite(_ name: String, role: String, workspace: String = "demo") throws -> String {
        let invited = try run(
            "tingd",
            [
                "invite", "--data", data, "--name", name.capitalized, "--email",
                "\(name)@example.org", "--workspace", workspace, "--role", role,
            ])
        return String(try #require(invited.output.split(separator: "\n").last))
    }

    /// Invites, joins and clones.
    func member(_ home: String, role: String) throws {
        let joined = try ting(home, "join", try invite(home, role: role))
        try #require(joined.status == 0, "\(joined.errors)")
        let cloned = try ting(home, "clone", "demo")
        try #require(cloned.status == 0, "\(cloned.errors)")
    }

    /// The built programs lie beside the tests; the system's come after them.
    static var path: String { "\(binaries.path):/usr/local/bin:/usr/bin:/bin" }

    static func program(_ name: String) -> URL { binaries.appending(path: name) }

    private static var binaries: URL {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    }
}
