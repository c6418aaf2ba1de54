// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where the programs under test lie, and how they are run.
struct Programs: Sendable {
    /// The folder with `ting` and `tingd`.
    let folder: String

    /// - Parameter given: A folder, or `nil` for the one in which this program lies.
    init(folder given: String?) throws {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        folder = given ?? own.map { ($0 as NSString).deletingLastPathComponent } ?? "."
        for name in ["ting", "tingd"] where access("\(folder)/\(name)", X_OK) != 0 {
            throw Trouble("There is no program `\(name)` in \(folder); name a folder by --bin.")
        }
    }

    /// What a run left behind.
    struct Result: Sendable {
        var ending: Child.Ending
        var output: String
        var errors: String
        var succeeded: Bool { ending == .exited(0) }

        /// The one line that says what went wrong.
        var complaint: String {
            let line = errors.split(separator: "\n").first { $0.contains("error") }
            return "\(ending): \(line ?? errors.prefix(200))"
        }

        /// The object that was printed; empty where none was.
        var object: [String: Any] {
            let object = try? JSONSerialization.jsonObject(with: Data(output.utf8))
            return object as? [String: Any] ?? [:]
        }
    }

    /// Runs a program to its end.
    /// - Parameters:
    ///   - scratch: A path that two files of this run may begin with; one run at a time uses it.
    ///   - wrapper: Words before the program: `faketime`, `ip netns exec NAME`.
    ///   - killAfter: When to kill it, unless it has ended by then.
    func run(
        _ name: String, _ arguments: [String], environment: [String: String], scratch: String,
        wrapper: [String] = [], killAfter: Duration? = nil
    ) throws -> Result {
        let words = wrapper + [path(name)] + arguments
        let child = try Child(
            words[0], Array(words.dropFirst()), environment: environment,
            output: scratch + ".out", errors: scratch + ".err")
        if let killAfter {
            Thread.sleep(forTimeInterval: killAfter.seconds)
            child.signal(SIGKILL)
        }
        let ending = child.wait()
        note("\(name) \(arguments.joined(separator: " ")): \(ending)", in: scratch + ".diary")
        return Result(
            ending: ending, output: Self.text(scratch + ".out"),
            errors: Self.text(scratch + ".err"))
    }

    /// Adds a line to the account of what was run, beside the time at which it had ended.
    private func note(_ line: String, in path: String) {
        guard let file = fopen(path, "a") else { return }
        fputs("\(now()) \(line)\n", file)
        fclose(file)
    }

    /// A program of ours by its path, another by its name.
    func path(_ name: String) -> String {
        ["ting", "tingd"].contains(name) ? "\(folder)/\(name)" : name
    }

    static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// The environment of a member whose folder is `home`.
    static func environment(home: String) -> [String: String] {
        [
            "TING_HOME": home, "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        ]
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }

    /// A part of this duration, drawn evenly from nothing to `share` of it.
    func drawn(_ share: Double = 1, using generator: inout some RandomNumberGenerator) -> Duration {
        .seconds(seconds * Double.random(in: 0...share, using: &generator))
    }
}
