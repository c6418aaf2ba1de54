// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import TingCore
import TingServer

/// Other programs, run to their end.
enum Program {
    struct Result: Sendable {
        let code: Int32
        let output: String
        let errors: String
    }

    /// Runs a program of the system, found by the shell's rules.
    static func run(
        _ words: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (output, errors, standardInput) = (Pipe(), Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (output, errors)
        process.standardInput = standardInput
        let (ended, sayEnded) = AsyncStream<Int32>.makeStream()
        process.terminationHandler = { sayEnded.yield($0.terminationStatus) }
        try process.run()
        try? standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try? standardInput.fileHandleForWriting.close()
        async let said = read(output)
        async let complained = read(errors)
        let code = await ended.first { _ in true } ?? -1
        return await Result(code: code, output: said, errors: complained)
    }

    private static func read(_ pipe: Pipe) async -> String {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let data = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
    }

    /// `tingd`, as built beside the tests.
    static func tingd(_ words: String...) async throws -> Result {
        try await run([tingdPath] + words)
    }

    static let tingdPath: String = {
        let products = Bundle.main.executableURL?.deletingLastPathComponent().path ?? ".build/debug"
        return "\(products)/tingd"
    }()
}

/// `tingd serve` as a process of its own.
final class ServerProcess: Sendable {
    let path: String
    let address: HostPort
    private let process: Mutex<Process>
    private let isOwner: Bool

    /// Where its log goes.
    enum Log { case inherited, closed }

    /// Makes a data folder, unless one is given, and serves it.
    init(
        path given: String? = nil, log: Log = .inherited, logFile: String? = nil,
        fileHandles: Int? = nil,
        _ flags: String...
    ) async throws {
        path = given ?? TestFolder.new()
        isOwner = given == nil
        if given == nil {
            try #require(try await Program.tingd("init", "--data", path).code == 0)
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let limit = fileHandles.map { "ulimit -n \($0); " } ?? ""
        process.arguments =
            [
                "-c", limit + "exec \"$0\" \"$@\"", Program.tingdPath, "serve", "--data", path,
                "--listen", "127.0.0.1:0", "--log-level", "error",
            ] + flags
        if let logFile {
            _ = FileManager.default.createFile(atPath: logFile, contents: nil)
            process.standardError = FileHandle(forWritingAtPath: logFile)
        }
        if log == .closed {
            let pipe = Pipe()
            process.standardError = pipe
            try pipe.fileHandleForReading.close()
        }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        self.process = Mutex(process)
        let line = try await Self.line(of: output.fileHandleForReading)
        let text = try #require(line.wholeMatch(of: /tingd: ready on https:\/\/(.+)/)?.1)
        address = try #require(HostPort(String(text)))
    }

    deinit {
        process.withLock { if $0.isRunning { kill($0.processIdentifier, SIGKILL) } }
        if isOwner { try? FileManager.default.removeItem(atPath: path) }
    }

    private static func line(of handle: FileHandle) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                var line = Data()
                while let byte = try? handle.read(upToCount: 1), !byte.isEmpty, byte != Data([10]) {
                    line.append(byte)
                }
                continuation.resume(returning: String(decoding: line, as: UTF8.self))
            }
        }
    }

    var url: String { "https://\(address)" }
    var ca: String { "\(path)/tls/ca.pem" }
    var id: Int32 { process.withLock { $0.processIdentifier } }

    func signal(_ number: Int32) { kill(id, number) }

    /// Waits for the end, and gives the exit code.
    func end() async -> Int32 {
        while process.withLock({ $0.isRunning }) { try? await Task.sleep(for: .milliseconds(20)) }
        return process.withLock { $0.terminationStatus }
    }

    /// `curl` with the server's CA as the only root.
    func curl(_ words: String...) async throws -> Program.Result {
        try await Program.run(["curl", "-sS", "--cacert", ca] + words)
    }

    /// Invites by `tingd`, joins by `curl`, and gives the token.
    func join(_ email: String, _ workspace: String, _ role: String = "owner") async throws -> String
    {
        let invited = try await Program.tingd(
            "invite", "--data", path, "--name", email, "--email", email, "--workspace", workspace,
            "--role", role)
        let code = try #require(invited.output.firstMatch(of: /code=(\w+)/)?.1)
        let joined = try await curl(
            "\(url)/v1/join", "-H", "Content-Type: application/json", "-d",
            TestServer.joinBody(String(code)))
        return String(try #require(joined.output.firstMatch(of: /"token":"([^"]+)"/)?.1))
    }
}
