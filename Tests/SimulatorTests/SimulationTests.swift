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
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: CommandLine.arguments[0])
            .deletingLastPathComponent().appending(path: "ting-sim")
        process.arguments = ["run", "--seeds", "1-60"]
        process.standardOutput = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        #expect(text.hasSuffix("60 seeds, 0 lost, 0 different, 0 stuck\n"))
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
