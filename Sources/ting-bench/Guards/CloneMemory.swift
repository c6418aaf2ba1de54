// SPDX-License-Identifier: Apache-2.0

import Foundation

/// G5: a client's memory while it clones does not grow with the workspace.
struct CloneMemory {
    func run(_ bench: Bench) async throws -> Result {
        var options = bench.options
        options.records /= 10
        let small = try await ServedWorkspace(options)
        let peakOfSmall = try peak(small, options.programs)
        small.server.stop()
        let large = try await bench.served()
        let peakOfLarge = try peak(large, options.programs)
        return try Result(
            "G5",
            [
                Guards.part(
                    "peak while cloning \(bench.options.records) records, to a tenth", peakOfLarge,
                    peakOfSmall, "KiB")
            ], moreIsBetter: false)
    }

    private func peak(_ served: ServedWorkspace, _ programs: String) throws -> Int {
        let ting = Program(
            path: programs + "/ting", environment: ["TING_HOME": served.reader.folder])
        let path = Scratch.file("clone")
        defer { Scratch.remove(path) }
        return try ting.peakKiB(["clone", ServedWorkspace.slug, "--quiet", "--to", path])
    }
}
