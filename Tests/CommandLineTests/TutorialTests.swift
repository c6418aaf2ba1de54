// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Every command of the README's tutorial, in one shell, as a newcomer types them.
@Suite("The tutorial")
struct TutorialTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The commands between the heading and the next, without those that build.
    private func commands() throws -> String {
        let text = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
        let tutorial = try #require(
            text.split(separator: "\n## ").first { $0.hasPrefix("Tutorial") })
        var commands = ""
        var isCommand = false
        for line in tutorial.split(separator: "\n") {
            if line.hasPrefix("```") {
                isCommand = line == "```sh"
            } else if isCommand, !line.hasPrefix("make "), !line.hasPrefix("export PATH=") {
                commands += line + "\n"
            }
        }
        return commands
    }

    @Test("runs from beginning to end")
    func runs() throws {
        let programs = try Programs()
        let commands = try commands()
        #expect(commands.contains("tingd serve --data /tmp/assembly &"))
        let folder = programs.folder.appending(path: "tutorial").path
        let script =
            commands
            // A folder and a port of our own; a person waits for the line that says it is ready.
            .replacing("/tmp/", with: folder + "-")
            .replacing(
                "serve --data \(folder)-assembly &",
                with: """
                    serve --data \(folder)-assembly --listen 127.0.0.1:0 >ready 2>/dev/null & \
                    trap "kill $!" EXIT; until grep -qs ready ready; do sleep 0.05; done
                    """
            )
            .replacing("Clients/Examples", with: "\(Self.root.path)/Clients/Examples")
        let file = programs.folder.appending(path: "script")
        try Data(("set -euo pipefail\n" + script).utf8).write(to: file)
        let result = try programs.run(
            URL(filePath: "/usr/bin/timeout"), ["60", "/bin/bash", file.path],
            programs.environment("tutorial"))
        #expect(result.status == 0, "\(result.output)\n\(result.errors)")
        #expect(!result.errors.contains("error"), "\(result.errors)")
        #expect(result.output.contains("District heating in Harbin"))
        #expect(result.errors.contains("Sent "))
    }
}
