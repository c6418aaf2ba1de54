// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore

struct Status: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Say how this replica stands: what waits, what failed, what conflicts.",
        discussion: """
            Needs no network. `head` is the newest version heard of.

            Examples:
              ting status
              ting status --json --fail-on-conflicts || echo "settle the conflicts first"
            """)

    @OptionGroup var global: GlobalOptions

    @Flag(help: "Exit with 4 while conflicts are open.") var failOnConflicts = false

    func run() throws {
        let status = try session.replica().status()
        console.result(Self.json(status), lines(status))
        if !global.json { explain(status) }
        if failOnConflicts, status.conflicts > 0 { throw Finish.openConflicts }
    }

    private static func json(_ status: ReplicaStatus) -> JSONValue {
        func time(_ time: Int64?) -> JSONValue { .text(time.map(TimeText.rfc3339)) }
        return .object([
            ("workspace", .text(status.workspace)), ("replica", .text(status.replica.description)),
            ("epoch", .text(status.epoch.description)),
            ("digest", .text(status.digest.description)),
            ("version", .integer(status.version)), ("head", .integer(status.head)),
            ("outbox", .integer(status.outbox)), ("quarantine", .integer(status.quarantine)),
            ("conflicts", .integer(status.conflicts)), ("invalid", .integer(status.invalid.count)),
            ("oldest_unsynced", time(status.oldestUnsynced)), ("last_sync", time(status.lastSync)),
            ("next_retry", time(status.nextRetry)), ("last_error", .text(status.lastError)),
            ("role", .text(status.role?.rawValue)),
        ])
    }

    private func lines(_ status: ReplicaStatus) -> [String] {
        let now = Session.clock()
        let style = console.style
        func ago(_ time: Int64) -> String { "\(TimeText.span(now - time)) ago" }
        let news = status.head > status.version ? style.yellow(" of \(status.head)") : ""
        var lines = [
            "workspace    \(style.bold(status.workspace))\(status.role.map { ", as \($0.rawValue)" } ?? "")",
            "version      \(status.version)\(news)",
        ]
        let oldest = status.oldestUnsynced.map { ", the oldest from \(ago($0))" } ?? ""
        lines.append(
            "outbox       "
                + (status.outbox == 0
                    ? "empty" : style.yellow(status.outbox.counted("edit")) + oldest))
        if status.quarantine > 0 {
            lines.append(
                "quarantine   " + style.red(status.quarantine.counted("rejected change set")))
        }
        if !status.invalid.isEmpty {
            lines.append("held back    " + style.red(status.invalid.count.counted("invalid edit")))
        }
        lines.append(
            "conflicts    "
                + (status.conflicts == 0 ? "none" : style.yellow("\(status.conflicts) open")))
        lines.append("last sync    " + (status.lastSync.map(ago) ?? "never"))
        if let error = status.lastError {
            lines.append("last error   " + Terminal.printable(error))
        }
        if let retry = status.nextRetry, retry > now {
            lines.append("next try     in \(TimeText.span(retry - now))")
        }
        return lines
    }

    /// What a person can do about it, on standard error.
    private func explain(_ status: ReplicaStatus) {
        console.warn(about: status.invalid)
        for reason in status.deferred {
            console.warn("edits wait at the server: \(reason)")
            let code = reason.prefix { $0 != ":" }
            if let known = Deferral(rawValue: String(code)) { console.hint(known.remedy) }
        }
        if status.quarantine > 0 {
            console.hint("`ting quarantine` shows what was rejected, and why.")
        }
        if status.conflicts > 0 { console.hint("`ting conflicts` shows what to settle.") }
        if status.outbox > 0 { console.hint("`ting sync` sends what waits.") }
    }
}

extension Console {
    /// Names each edit that is held back, and what would be right.
    func warn(about invalid: [InvalidEdit]) {
        for edit in invalid {
            let place = edit.field.map { ".\($0)" } ?? ""
            warn(
                "not sent: \(edit.collection)\(place) of \(edit.record): \(edit.problem). \(edit.remedy)"
            )
        }
    }
}
