// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Edit: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Edit one field in an editor.",
        discussion: """
            Opens $VISUAL, or else $EDITOR, or else vi (on a terminal). What the field holds when \
            the editor ends is what it becomes; an edit that changes nothing is none. Of a set each \
            element has a line.

            Example:
              ting edit JWP-017 summary
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The record.") var id: String
    @Argument(help: "The field.") var field: String

    @OptionGroup var history: MessageOption

    func run() throws {
        let replica = try session.replica()
        let (found, field, old) = try replica.read { db in
            let found = try RecordFinder(replica).record(db, id)
            let collection = try session.collection(found.collection, replica)
            let field = try FieldChanges.field(self.field, in: collection)
            let values = try RecordTable(collection).values(db, found.id) ?? [:]
            return (found, field, values[field.name] ?? field.standard)
        }
        let before = Self.text(old, of: field)
        let editor = try EditorSession(field: field.name)
        let after = try editor.edit(before)
        guard after != before else {
            editor.end()
            return console.outcome(Self.json(found, []), "Nothing changed.")
        }
        do {
            try replica.write(message: history.text) { db in
                let table = RecordTable(try session.collection(found.collection, replica))
                // A sync may have come while the editor was open: its value is no one's to lose.
                guard try table.values(db, found.id)?[field.name] == old else {
                    throw changedMeanwhile
                }
                let value = try session.reader(replica, db).value(after, for: field)
                try replica.update(db, found.collection, found.id, [field.name: value])
            }
        } catch {
            throw editor.keeping(ErrorPresenter.report(error))
        }
        editor.end()
        if global.json {
            console.data(Self.json(found, [field.name]))
        }
        try session.warnAboutRole(replica, console)
    }

    /// What the editor shows: it reads back as the same value, but for a set whose text is none.
    private static func text(_ value: Value, of field: Field) -> String {
        if case .set(let elements) = value { return SetText.text(elements) }
        return RecordText.text(value, of: field)
    }

    /// What was written, as `ting set` tells it.
    private static func json(_ found: RecordFinder.Found, _ fields: [String]) -> JSONValue {
        .object([
            ("collection", .text(found.collection)), ("id", .text(found.id.description)),
            ("fields", .array(fields.map { .text($0) })),
        ])
    }

    private var changedMeanwhile: CommandError {
        CommandError(
            .error, code: "changed_meanwhile", "The field changed while you edited.",
            remedy:
                "Look at the new value with `ting show`, then write yours with `ting set \(id) \(field)=@FILE`."
        )
    }
}

/// Text in a file of its own, in the person's editor.
private struct EditorSession {
    let file: String
    private let editor: String

    init(field: String) throws {
        let environment = Session.environment
        let named = [environment["VISUAL"], environment["EDITOR"]].compactMap { $0 }
            .first { !$0.isEmpty }
        guard named != nil || Terminal.inputIsTerminal && Terminal.outputIsTerminal else {
            throw CommandError(
                .usage, code: "no_editor", "No editor is named, and there is no terminal for one.",
                remedy: "Set EDITOR, or write the value with `ting set ID \(field)=@FILE`.")
        }
        editor = named ?? "vi"
        let folder = (NSTemporaryDirectory() as NSString)
            .appendingPathComponent("ting-\(UUID().uuidString)")
        file = "\(folder)/\(field).txt"
        guard mkdir(folder, 0o700) == 0 else { throw Self.notWritten(folder, errno) }
    }

    private static func notWritten(_ path: String, _ code: Int32) -> CommandError {
        CommandError(
            .error, code: "not_written",
            "The text for the editor can't be written to \(path): \(String(cString: strerror(code)).lowercased()).",
            remedy: "Free some space there, or set TMPDIR to a folder that can be written.")
    }

    /// Takes the file away.
    func end() {
        try? FileManager.default.removeItem(
            atPath: (file as NSString).deletingLastPathComponent)
    }

    func edit(_ text: String) throws -> String {
        let before = Data((text + "\n").utf8)
        do {
            return try edited(before)
        } catch let error as CommandError {
            // What was typed and saved is nobody's to throw away.
            let isSaved = FileManager.default.contents(atPath: file).map { $0 != before } ?? false
            guard isSaved else {
                end()
                throw error
            }
            throw keeping(error)
        } catch {
            end()
            throw error
        }
    }

    /// Says where what was saved can be found.
    func keeping(_ error: CommandError) -> CommandError {
        var error = error
        error.remedy += " What was saved is kept in \(file)."
        return error
    }

    private func edited(_ before: Data) throws -> String {
        do { try WholeFile.write(before, to: file) } catch {
            throw Self.notWritten(file, error.code)
        }
        try run()
        guard let data = FileManager.default.contents(atPath: file),
            var after = String(validating: data, as: UTF8.self)
        else {
            throw CommandError(
                .error, code: "not_text", "The editor left no text in UTF-8; nothing was changed.",
                remedy: "Save the file in UTF-8.")
        }
        // The line end that was added, and no more: a return before it may be part of the value. Where it
        // was none, it came with an editor that ends lines in both.
        if after.unicodeScalars.last == "\n" {
            after.unicodeScalars.removeLast()
            let hadReturn = before.dropLast().last == UInt8(ascii: "\r")
            if !hadReturn, after.unicodeScalars.last == "\r" { after.unicodeScalars.removeLast() }
        }
        // Some editors put a byte order mark before UTF-8.
        let mark: Unicode.Scalar = "\u{feff}"
        if after.unicodeScalars.first == mark, !before.starts(with: Data(String(mark).utf8)) {
            after.unicodeScalars.removeFirst()
        }
        return after
    }

    private func run() throws {
        // What is typed belongs to the editor while it runs: Ctrl-C and Ctrl-\, too.
        let previous = [SIGINT, SIGQUIT].map { ($0, signal($0, SIG_IGN)) }
        defer { for (number, handler) in previous { signal(number, handler) } }
        guard Self.runs(["/bin/sh", "-c", "\(editor) \"$1\"", "ting", file]) else {
            throw CommandError(
                .error, code: "editor_failed",
                "The editor `\(editor)` failed; nothing was changed.",
                remedy: "Set EDITOR to a program that edits the file it is given.")
        }
    }

    /// Runs a program to its end, in this one's process group; tells whether it ended well.
    ///
    /// `Process` gives its child a group of its own: in the background of the terminal, where whoever
    /// reads is stopped (tcsetpgrp(3)). And a child would inherit that Ctrl-C is ignored.
    private static func runs(_ command: [String]) -> Bool {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGQUIT)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let arguments = command.map { strdup($0) } + [nil]
        let environment = Session.environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var child = pid_t()
        guard posix_spawn(&child, command[0], nil, &attributes, arguments, environment) == 0 else {
            return false
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return false }
        }
        return status == 0
    }
}
