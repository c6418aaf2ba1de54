// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Simulated teams")
struct SimulationTests {
    @Test(
        "under faults of every kind nothing is lost, different or stuck, and runs repeat",
        .tags(
            .promise1, .promise2, .promise3, .promise4, .promise5, .promise6, .promise9, .promise10)
    )
    func seeds() throws {
        let run = try Simulator.run(["run", "--seeds", "1-30"])
        #expect(run.status == 0, "\(run.text)")
        #expect(run.text.hasSuffix("30 seeds, 0 lost, 0 different, 0 stuck\n"))
    }

    @Test(
        "so it is where servers are restored, copied back, wiped and moved in every run",
        .tags(.promise2, .promise4))
    func epochs() throws {
        let run = try Simulator.run(["run", "--seeds", "1-10", "--fault", "epochs"])
        #expect(run.status == 0, "\(run.text)")
        #expect(!run.text.contains(" 0 replicas started over"))
    }

    @Test(
        "with clocks that are wrong by years every merge is decided as by right ones",
        .tags(.promise9))
    func clocks() throws {
        let run = try Simulator.run(["run", "--seeds", "1-6", "--fault", "clocks"])
        #expect(run.status == 0, "\(run.text)")
    }

    @Test("what the simulator found once stays mended, and planted bugs are found")
    func saved() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "scenarios").path
        let run = try Simulator.run(["saved", folder])
        #expect(run.status == 0, "\(run.text)")
        #expect(!run.text.contains("0 of 0"))
    }
}

/// The program, beside the tests.
private enum Simulator {
    static func run(_ arguments: [String]) throws -> (status: Int32, text: String) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: CommandLine.arguments[0])
            .deletingLastPathComponent().appending(path: "ting-sim")
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}

extension Tag {
    @Tag static var promise1: Self
    @Tag static var promise2: Self
    @Tag static var promise3: Self
    @Tag static var promise4: Self
    @Tag static var promise5: Self
    @Tag static var promise6: Self
    @Tag static var promise9: Self
    @Tag static var promise10: Self
}
