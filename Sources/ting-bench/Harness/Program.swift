// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Other programs, started by `posix_spawn`: nothing of this process's weight is in their time.
struct Program {
    let path: String
    var environment: [String: String] = [:]

    /// A program of the system, by its name.
    static func system(
        _ name: String, in folders: [String] = ["/usr/bin", "/bin", "/usr/local/bin"]
    ) throws -> Program {
        for folder in folders {
            let path = "\(folder)/\(name)"
            if access(path, X_OK) == 0 { return Program(path: path) }
        }
        throw BenchError("there is no \(name) on this machine")
    }

    struct Run {
        var seconds: Double
    }

    /// Runs to the end, and gives how long that took.
    /// - Throws: `BenchError` unless it ends with 0.
    @discardableResult
    func run(_ arguments: [String], output: String? = nil, input: String? = nil) throws -> Run {
        let errors = Scratch.file("errors")
        defer { unlink(errors) }
        let start = ContinuousClock.now
        let pid = try spawn(arguments, output: output, input: input, errors: errors)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { throw BenchError("waiting for \(path) failed") }
        }
        let time = (ContinuousClock.now - start).seconds
        try check(status, arguments, errors)
        return Run(seconds: time)
    }

    /// Runs to the end, and gives the most memory that it held, in KiB.
    ///
    /// Looked up while it runs: `ru_maxrss` begins with what this process holds, which the other
    /// shares until it has become another program (`setmax_mm_hiwater_rss` in Linux' exec).
    func peakKiB(_ arguments: [String]) throws -> Int {
        let errors = Scratch.file("errors")
        defer { unlink(errors) }
        let pid = try spawn(arguments, errors: errors)
        var status: Int32 = 0
        var peak = 0
        while waitpid(pid, &status, WNOHANG) == 0 {
            if let name = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/\(pid)/exe"), name == Self.whole(path)
            {
                peak = max(peak, (try? Server.memory(of: pid, "VmHWM:")) ?? 0)
            }
            usleep(500)
        }
        try check(status, arguments, errors)
        return peak
    }

    private static func whole(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    private func check(_ status: Int32, _ arguments: [String], _ errors: String) throws {
        guard status != 0 else { return }
        let said = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
        throw BenchError("\(path) \(arguments.prefix(3)) ended with \(status): \(said)")
    }

    /// Runs to the end, and gives what it printed.
    func output(_ arguments: [String]) throws -> String {
        let file = Scratch.file("output")
        defer { unlink(file) }
        try run(arguments, output: file)
        return try String(contentsOfFile: file, encoding: .utf8)
    }

    /// Starts, and gives the process id.
    func spawn(
        _ arguments: [String], output: String? = nil, input: String? = nil, errors: String? = nil
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let write = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, 0, input ?? "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output ?? "/dev/null", write, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors ?? "/dev/null", write, 0o600)
        var argv = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
        variables.merge(environment) { $1 }
        var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for text in argv + envp { free(text) }
        }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, path, &actions, nil, &argv, &envp)
        guard code == 0 else {
            throw BenchError("\(path) did not start: \(String(cString: strerror(code)))")
        }
        return pid
    }
}

/// One folder for everything that a run leaves behind, removed at its end.
enum Scratch {
    static let folder: String = {
        let path = NSTemporaryDirectory() + "/ting-bench-\(getpid())"
        mkdir(path, 0o700)
        return path
    }()

    /// A new name in it.
    static func file(_ name: String) -> String { "\(folder)/\(name)-\(UUID().uuidString)" }

    static func copy(_ path: String, _ name: String = "copy") throws -> String {
        let copy = file(name)
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        return copy
    }

    /// Removes a database with what SQLite leaves beside it.
    static func remove(_ database: String) {
        for suffix in ["", "-wal", "-shm", "-journal", ".lock"] { unlink(database + suffix) }
    }

    static func removeAll() { try? FileManager.default.removeItem(atPath: folder) }
}
