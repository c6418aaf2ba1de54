// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore
import TingStore

/// S1: what people wait for in front of a large workspace, each within 50 ms.
struct Reads: Metric {
    static let name = "S1"
    static let about = "reading commands, start to exit, to 50 ms"
    private static let limit = 50.0
    /// Words of the standard workspaces: of very many records, of a tenth of them, and of few.
    static let words = ["vind", "Sønderborg", "P-4000"]

    func run(_ bench: Bench) async throws -> Result {
        let path: String
        if let file = bench.options.file {
            path = try Scratch.copy(file)
        } else {
            path = try bench.local().replicaFile()
        }
        defer { Scratch.remove(path) }
        let ting = Program(
            path: bench.options.programs + "/ting",
            environment: ["TING_HOME": Scratch.file("home"), "TING_REPLICA": path])
        // The first search brings the index up to date; what it takes is not a command's time.
        let indexing = try ting.run(["search", "--limit", "1", "index"]).seconds
        FileHandle.standardError.write(Data("the first search took \(indexing) s\n".utf8))
        let last = try ting.output(["list", "task", "--limit", "1", "--columns", "id"])
        guard let short = last.split(whereSeparator: \.isWhitespace).last else {
            throw BenchError("there is no task")
        }
        let commands: [(String, [String])] =
            [
                ("list task --limit 50", ["list", "task", "--limit", "50"]),
                ("status", ["status"]),
                ("show, by a short id", ["show", String(short)]),
            ]
            + Self.words.map { ("search \($0) --limit 50", ["search", $0, "--limit", "50"]) }
        var parts: [Part] = []
        for (name, arguments) in commands {
            try ting.run(arguments)
            let times = try (0..<bench.options.pairs).map { _ in
                (ours: try ting.run(arguments).seconds * 1_000, limit: Self.limit)
            }
            parts.append(Pairs.part(name, .cost(unit: "ms"), times))
        }
        return try Result(Self.name, parts, moreIsBetter: false)
    }
}
