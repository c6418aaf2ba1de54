// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

extension Scenario {
    /// Clocks that are wrong by decades: a member's, and the server's.
    static let clocks = [1970, 2099].flatMap { year in
        [
            Scenario(name: "clock-\(year)", about: "a member's clock stands in \(year)") { stage in
                try memberAstray(&stage, year)
            },
            Scenario(name: "server-\(year)", about: "the server's clock stands in \(year)") {
                try serverAstray(&$0, year)
            },
        ]
    }

    /// The words that give a program another clock; steady clocks stay as they are.
    private static func faketime(_ year: Int) throws -> [String] {
        let isThere = ["/usr/bin/faketime", "/usr/local/bin/faketime"].contains {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        guard isThere else { throw Skipped(reason: "there is no program faketime") }
        return [
            "env", "FAKETIME_DONT_FAKE_MONOTONIC=1", "faketime", "-f", "@\(year)-03-04 05:06:07",
        ]
    }

    /// Editing goes on; what can't connect says why, with the server's time and what to do.
    private static func memberAstray(_ stage: inout Stage, _ year: Int) throws {
        let words = try faketime(year)
        let world = try World(stage.programs, members: ["anna", "bo"])
        defer { world.close() }
        let (anna, bo) = (world.members[0], world.members[1])
        stage.expectSuccess(try stage.edit(anna, world), of: "ting set, clock right")
        anna.wrapper.withLock { $0 = words }
        for _ in 0..<3 {
            stage.expectSuccess(try stage.edit(anna, world), of: "ting set in \(year)")
        }
        let synced = try anna.ting(["sync", "--timeout", "5"])
        stage.expectFailure(synced, of: "ting sync in \(year)", exit: 1, codes: ["clock_wrong"])
        let today = String(ISO8601DateFormatter().string(from: Date()).prefix(10))
        stage.expect(
            synced.errors.contains("\(year)-03-04") && synced.errors.contains(today),
            "both clocks are not named: \(synced.complaint)")
        stage.expect(
            try anna.status()["outbox"] as? Int == 4, "not all four edits are in the outbox")
        // Someone else edits the same, later: no merge is distorted by the clock.
        stage.expectSuccess(try stage.edit(bo, world), of: "ting set of bo")
        stage.expectSuccess(try bo.ting(["sync"]), of: "ting sync of bo")
        anna.wrapper.withLock { $0 = [] }
        stage.expectSuccess(try anna.ting(["sync"]), of: "ting sync, clock right again")
        try stage.judge(world)
    }

    /// Whoever can't connect is told why; when the clock is right again, all is well.
    private static func serverAstray(_ stage: inout Stage, _ year: Int) throws {
        let words = try faketime(year)
        let world = try World(stage.programs, members: ["anna", "bo"])
        defer { world.close() }
        let anna = world.members[0]
        _ = world.server.stop()
        world.server.wrapper.withLock { $0 = words }
        stage.expectSuccess(try stage.edit(anna, world), of: "ting set")
        try world.server.startUnheard()
        let synced = try anna.ting(["sync", "--timeout", "5"])
        if !synced.succeeded {
            stage.expectFailure(
                synced, of: "ting sync, server in \(year)", exit: 1,
                codes: ["certificate_not_yet_valid", "certificate_expired", "clock_wrong"])
        }
        _ = world.server.stop()
        world.server.wrapper.withLock { $0 = [] }
        try world.server.start()
        stage.expectSuccess(try anna.ting(["sync"]), of: "ting sync, server's clock right again")
        try stage.judge(world)
    }
}
