// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingClient
import TingCore
import TingStore

struct Edit: TingCommand {
    static let configuration = CommandConfiguration(
        abstract: "Edit one field in an editor.",
        discussion: """
            Opens $VISUAL, or else $EDITOR, or else vi. What the field holds when the editor ends \
            is what it becomes; an edit that changes nothing is none.

            Example:
              ting edit JWP-017 summary
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The record.") var id: String
    @Argument(help: "The field.") var field: String

    @Option(
        name: [.customShort("m"), .long],
        help: ArgumentHelp("What to say of it in the history.", valueName: "text"))
    var message = ""

    func run() throws {
        let replica = try session.replica()
        let (found, field, old) = try replica.read { db in
            let found = try RecordFinder(replica).record(db, id)
            let collection = try session.collection(found.collection, replica)
            let field = try FieldChanges.field(self.field, in: collection)
            let values = try RecordTable(collection).values(db, found.id) ?? [:]
            return (found, field, values[field.name] ?? field.standard)
        }
        // What the editor shows a set as must read back as the same set.
        let before = field.kind == .set ? JSONValue(old).text : RecordText.text(old, of: field)
        let after = try EditorSession(record: found.id.description, field: field.name).edit(before)
        guard after != before else { return console.note("Nothing changed.") }
        try replica.write(message: message) { db in
            let value = try session.reader(replica, db).value(after, for: field)
            let table = RecordTable(try session.collection(found.collection, replica))
            try table.update(db, found.id, [field.name: value])
        }
        if global.json {
            console.data(
                .object([
                    ("collection", .text(found.collection)), ("id", .text(found.id.description)),
                    ("fields", .array([.text(field.name)])),
                ]))
        }
        try session.warnAboutRole(replica, console)
    }
}

/// Text in a file of its own, in the person's editor.
private struct EditorSession {
    let record: String
    let field: String

    func edit(_ text: String) throws -> String {
        let folder = NSTemporaryDirectory() + "/ting-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = "\(folder)/\(field).txt"
        try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: file))
        try run(file)
        guard let data = FileManager.default.contents(atPath: file),
            var after = String(validating: data, as: UTF8.self)
        else {
            throw CommandError(
                .error, code: "not_text", "The editor left no text in UTF-8; nothing was changed.",
                remedy: "Save the file in UTF-8.")
        }
        if after.last?.isNewline == true { after.removeLast() }
        return after
    }

    private func run(_ file: String) throws {
        let environment = Session.environment
        let editor =
            [environment["VISUAL"], environment["EDITOR"]].compactMap { $0 }
            .first { !$0.isEmpty } ?? "vi"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "\(editor) \"$1\"", "ting", file]
        // Ctrl-C belongs to the editor while it runs.
        let previous = signal(SIGINT, SIG_IGN)
        defer { signal(SIGINT, previous) }
        try process.run()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw CommandError(
                .error, code: "editor_failed",
                "The editor `\(editor)` failed; nothing was changed.",
                remedy: "Set EDITOR to a program that edits the file it is given.")
        }
    }
}
