// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore
import TingLink

/// A tool that a team may share its plans by: its server stands at the far end of a line, two members at
/// the near one. Everything but what is measured happens while the line is clear.
protocol Rival: AnyObject, SendableMetatype {
    static var name: String { get }

    /// Starts the server, fills it with the records, and gives both members a copy.
    init(_ records: [PlanningRecord], _ line: Link, _ options: Bench.Options) async throws

    /// The first member edits so many records, the second as many others, and sends them.
    func edit(_ count: Int, round: Int) async throws

    /// The first member sends and fetches.
    func sync() throws

    /// A new member who is known, but has nothing yet.
    func prepareClone() async throws

    /// The new member gets everything.
    func clone() throws
}

/// Runs shell scripts in a folder of their own, which is the home of what they start.
struct Shell {
    let folder = Scratch.file("rival")
    var environment: [String: String] = [:]

    init() throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
    }

    private var program: Program {
        var all = ["HOME": folder, "USER": "mette", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        all.merge(environment) { $1 }
        return Program(path: "/bin/sh", environment: all)
    }

    func run(_ script: String) throws {
        try program.run(["-ec", "cd \(folder)\n\(script)"])
    }

    func output(_ script: String) throws -> String {
        try program.output(["-ec", "cd \(folder)\n\(script)"])
    }

    /// Starts a server at the far end of a line, where it runs until that is cleared.
    func serve(_ line: Link, _ words: [String]) throws {
        var ip = try Program.system("ip", in: ["/usr/sbin", "/sbin"])
        ip.environment = ["HOME": folder, "USER": "mette"]
        _ = try ip.spawn(
            Array(line.command(words).dropFirst()), output: "\(folder)/server.log",
            errors: "\(folder)/server.err")
    }

    /// Waits until something listens at the far end.
    func waitForPort(_ port: Int, of line: Link) throws {
        for _ in 0..<100 {
            let asked = "exec 3<>/dev/tcp/\(line.farAddress)/\(port)"
            if (try? Program(path: "/bin/bash").run(["-c", asked])) != nil { return }
            usleep(50_000)
        }
        throw BenchError("nothing listens on port \(port) of \(line.farAddress)")
    }
}

/// Records as files, for tools that share files: one a record, one field a line.
struct RecordFiles {
    let records: [PlanningRecord]

    static func path(_ record: PlanningRecord) -> String {
        "\(record.collection)/\(record.id).json"
    }

    func write(to folder: String) throws {
        for name in Set(records.map(\.collection)) {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        for record in records { try write(record, to: folder) }
    }

    /// Gives scattered records another title; `offset` tells one member's from another's.
    func edit(_ count: Int, round: Int, offset: Int, in folder: String) throws {
        for var record in Self.scattered(records, count, round, offset) {
            record.values["title"] = .text(Self.title(round, record.id))
            try write(record, to: folder)
        }
    }

    static func title(_ round: Int, _ record: RecordID) -> String {
        "Fælles plan \(round) 共同计划 \(record.description.suffix(6))"
    }

    /// So many tasks from all over, others in each round.
    static func scattered(
        _ records: [PlanningRecord], _ count: Int, _ round: Int, _ offset: Int
    ) -> [PlanningRecord] {
        let tasks = records.filter { $0.collection == "task" }
        let step = max(1, tasks.count / count)
        return (0..<count).map { tasks[($0 * step + round * 2 + offset) % tasks.count] }
    }

    private func write(_ record: PlanningRecord, to folder: String) throws {
        let lines = record.values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.json)\n" }
        try lines.joined().write(
            toFile: "\(folder)/\(Self.path(record))", atomically: false, encoding: .utf8)
    }
}
