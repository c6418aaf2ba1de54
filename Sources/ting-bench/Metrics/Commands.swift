// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingCore

/// P9: one command from process start to exit, to the `sqlite3` shell and `curl`.
struct Commands: Metric {
    static let name = "P9"
    static let about = "one command, start to exit"

    func run(_ bench: Bench) async throws -> Result {
        let served = try await bench.served()
        let ting = Program(
            path: bench.options.programs + "/ting",
            environment: ["TING_HOME": served.reader.folder])
        try ting.run(["clone", ServedWorkspace.slug, "--quiet"])
        let path = try ting.output(["path"]).trimmingCharacters(in: .newlines)
        let raw = try Scratch.copy(path)
        defer { Scratch.remove(raw) }
        try RawDatabase(raw).dropTriggers()
        let shell = try Program.system("sqlite3")
        let curl = try Program.system("curl")
        let task = served.tasks[served.tasks.count / 2].description
        // A command is short: many samples of one pair count as one.
        let repeats = 5
        func cost(_ body: (Int) throws -> Double) rethrows -> Double {
            try Pairs.median((0..<repeats).map(body)) * 1_000
        }
        let columns = "id, title, status, due"
        let set = try await bench.pairs.measure(
            "ting set / sqlite3 UPDATE", .cost(unit: "ms"),
            ours: { round in
                try cost { try ting.run(["set", task, "title=a \(round) \($0)"]).seconds }
            },
            limit: { round in
                try cost {
                    try shell.run([
                        raw, "UPDATE task SET title = 'a \(round) \($0)' WHERE id = '\(task)'",
                    ]).seconds
                }
            })
        let list = try await bench.pairs.measure(
            "ting list of 50 / sqlite3 SELECT", .cost(unit: "ms"),
            ours: { _ in
                try cost { _ in
                    try ting.run(["list", "task", "--limit", "50"]).seconds
                }
            },
            limit: { _ in
                try cost { _ in
                    try shell.run([raw, "SELECT \(columns) FROM task ORDER BY id LIMIT 50"])
                        .seconds
                }
            })
        try ting.run(["sync", "--quiet"])
        let health = "\(served.server.address.url)/healthz"
        let sync = try await bench.pairs.measure(
            "ting sync of nothing / curl /healthz", .cost(unit: "ms"),
            ours: { _ in try cost { _ in try ting.run(["sync", "--quiet"]).seconds } },
            limit: { _ in
                try cost { _ in
                    try curl.run(["-sf", "--cacert", served.server.authority, health]).seconds
                }
            })
        return try Result(Self.name, [set, list, sync], moreIsBetter: false)
    }
}
