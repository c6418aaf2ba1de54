// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Every file of `transcripts/`, run against the real programs.
///
/// `TING_RECORD=1 swift test --filter Transcripts` writes what was printed into the files, for a
/// person to read and commit; `TING_TRANSCRIPT=NAME.txt` picks one.
@Suite("Transcripts", .serialized)
struct TranscriptTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "transcripts")
    private static let environment = ProcessInfo.processInfo.environment
    static let names =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".txt") && [nil, $0].contains(environment["TING_TRANSCRIPT"]) }
        .sorted()

    @Test("the programs print what the file says, and end as it says", arguments: names)
    func transcript(_ name: String) throws {
        let file = Self.folder.appending(path: name)
        var transcript = Transcript(try String(contentsOf: file, encoding: .utf8))
        let isRecording = Self.environment["TING_RECORD"] == "1"
        let programs = try Programs()
        for member in transcript.members {
            try programs.member(member.name, role: member.role)
        }
        let results = try run(transcript, programs)
        for (index, result) in results.enumerated() {
            let step = transcript.steps[index]
            let output = Placeholder.lines(result.output, folder: programs.folder.path)
            let errors = Placeholder.lines(result.errors, folder: programs.folder.path)
            let isSame =
                Placeholder.match(output, step.output) && Placeholder.match(errors, step.errors)
                && result.status == step.status
            if isRecording {
                guard !isSame else { continue }
                transcript.steps[index].output = output
                transcript.steps[index].errors = errors
                transcript.steps[index].status = result.status
            } else {
                let printed = (output + errors.map { "2> " + $0 } + ["[\(result.status)]"])
                    .joined(separator: "\n")
                #expect(isSame, "\(name):\(step.line): $ \(step.command)\n\(printed)")
            }
        }
        if isRecording { try Data(transcript.text.utf8).write(to: file) }
    }

    @Test("there are transcripts")
    func some() { #expect(!Self.names.isEmpty) }

    /// One shell for all steps, so that variables and functions last.
    private func run(_ transcript: Transcript, _ programs: Programs) throws -> [Programs.Result] {
        let work = programs.folder.appending(path: "transcript")
        let results = programs.folder.appending(path: "results")
        for folder in [work, results] {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        var script = "cd '\(work.path)'\nexport TZ=UTC\n"
        for member in transcript.members {
            script +=
                "\(member.name)() { TING_HOME='\(programs.home(member.name))' ting \"$@\"; }\n"
        }
        script += "SERVER='\(programs.data)'\nADDRESS='\(programs.address)'\n"
        script += "SERVER_PROCESS=\(programs.serverProcess)\n"
        script += "EXAMPLES='\(Self.examples.path)'\n"
        for (index, step) in transcript.steps.enumerated() {
            let place = "'\(results.path)/\(index)'"
            script +=
                "{ \(step.command)\n} >\(place).out 2>\(place).err; echo $? >\(place).status\n"
        }
        let file = programs.folder.appending(path: "script")
        try Data(script.utf8).write(to: file)
        let home = transcript.members.first?.name ?? "mette"
        _ = try programs.run(
            URL(filePath: "/usr/bin/timeout"), ["120", "/bin/bash", file.path],
            programs.environment(home))
        return transcript.steps.indices.map { index in
            func text(_ kind: String) -> String {
                let path = results.appending(path: "\(index).\(kind)").path
                return FileManager.default.contents(atPath: path)
                    .map { String(decoding: $0, as: UTF8.self) } ?? ""
            }
            let status = text("status").split(separator: "\n").first.flatMap { Int32($0) } ?? -1
            return Programs.Result(status: status, output: text("out"), errors: text("err"))
        }
    }

    private static let examples = folder.deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Clients/Examples")
}
