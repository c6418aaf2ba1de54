// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore
import TingTerminal

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
        let replica = try session.replica()
        let standing = try Standing(replica, session.home(), session.isSyncedByBundle(replica))
        console.result(Self.json(standing), lines(standing))
        if !global.json { explain(standing) }
        if failOnConflicts, standing.status.conflicts > 0 { throw Finish.openConflicts }
    }

    private static func json(_ standing: Standing) -> JSONValue {
        let status = standing.status
        func time(_ time: Int64?) -> JSONValue { .text(time.map(TimeText.rfc3339)) }
        return .object([
            ("workspace", .text(status.workspace)), ("replica", .text(status.replica.description)),
            ("epoch", .text(status.epoch.description)),
            ("digest", .text(status.digest.description)),
            ("version", .integer(status.version)), ("head", .integer(status.head)),
            ("outbox", .integer(status.outbox)), ("quarantine", .integer(status.quarantine)),
            ("conflicts", .integer(status.conflicts)), ("invalid", .integer(status.invalid.count)),
            ("oldest_unsynced", time(status.oldestUnsynced)), ("last_sync", time(status.lastSync)),
            ("next_retry", time(standing.nextRetry)), ("last_error", .text(status.lastError)),
            ("role", .text(status.role?.rawValue)), ("server", .text(standing.server)),
            ("by_bundle", .bool(standing.isSyncedByBundle)),
            ("signed_in", .bool(standing.isSignedIn)), ("following", .bool(standing.isFollowed)),
            (
                "held_back",
                .array(
                    status.invalid.map { edit in
                        .object([
                            ("collection", .text(edit.collection)), ("record", .text(edit.record)),
                            ("field", .text(edit.field)), ("problem", .text(edit.problem)),
                            ("remedy", .text(edit.remedy)),
                        ])
                    })
            ),
            (
                "notices",
                .array(
                    standing.notices.map { notice in
                        .object([
                            ("code", .text(notice.code)), ("detail", .text(notice.sentence)),
                            ("remedy", .text(notice.remedy)),
                        ])
                    })
            ),
        ])
    }

    private func lines(_ standing: Standing) -> [String] {
        let status = standing.status
        let now = standing.now
        let style = console.style
        let news = status.head > status.version ? style.yellow(" of \(status.head)") : ""
        var lines = [
            "workspace    \(style.bold(status.workspace))\(standing.role)",
            "version      \(status.version)\(news)",
        ]
        let oldest =
            status.oldestUnsynced.map { ", the oldest from \(TimeText.ago($0, now: now))" } ?? ""
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
        lines.append(
            "last sync    " + (status.lastSync.map { TimeText.ago($0, now: now) } ?? "never")
                + (standing.isSyncedByBundle ? ", by bundle" : ""))
        if let error = status.lastError {
            lines.append("last error   " + Terminal.printable(error))
        }
        if standing.isFollowed {
            lines.append(
                status.lastError == nil
                    ? "following    yes: edits come and go by themselves"
                    : "following    yes, and it tries again by itself")
        }
        if let retry = standing.nextRetry {
            lines.append("next try     in \(TimeText.span(retry - now))")
        } else if status.lastError != nil, !standing.isFollowed {
            lines.append("next try     by `ting sync`: nothing is tried in the background")
        }
        return lines
    }

    /// What a person can do about it, on standard error.
    private func explain(_ standing: Standing) {
        let status = standing.status
        console.warn(about: status.invalid)
        for notice in standing.notices {
            console.warn(notice.sentence.prefix(1).lowercased() + notice.sentence.dropFirst())
            console.hint(notice.remedy)
        }
        if status.quarantine > 0 {
            console.hint("`ting quarantine` shows what was rejected, and why.")
        }
        if status.conflicts > 0 { console.hint("`ting conflicts` shows what to settle.") }
        if status.outbox > 0, status.role != .viewer, standing.isSignedIn {
            console.hint("`ting sync` sends what waits.")
        }
    }
}

/// How a replica stands on this device.
private struct Standing {
    let status: ReplicaStatus
    let server: String?
    let isSignedIn: Bool
    /// Whether a process follows the workspace: only then is anything tried again by itself.
    let isFollowed: Bool
    let notices: [Notice]
    /// Whether the last contact was a bundle's reply.
    let isSyncedByBundle: Bool
    let now = Session.clock()

    init(_ replica: Replica, _ home: ClientHome, _ isSyncedByBundle: Bool) throws {
        self.isSyncedByBundle = isSyncedByBundle
        status = try replica.status()
        let identity = try replica.identity()
        server = identity.server.isEmpty ? nil : identity.server
        isSignedIn = try home.isSignedIn(for: identity)
        isFollowed = Follower.isRunning(for: replica.path)
        let told = replica.takePutBack().map(Notice.init(putBack:))
        let found = try home.notices(status, of: identity, path: replica.path, now: now)
        notices = told + found + (Self.roleTooLow(status).map { [$0] } ?? [])
    }

    /// What a sync would do to the edits of who may not edit: a replica refuses none.
    private static func roleTooLow(_ status: ReplicaStatus) -> Notice? {
        guard status.role == .viewer, status.outbox > 0 else { return nil }
        return Notice(
            code: Rejection.roleTooLow.rawValue,
            sentence: "You are a viewer here: the next sync puts these edits in quarantine.",
            remedy: "Ask an owner for the editor role first; `ting outbox export` keeps a copy.")
    }

    /// In which role, or that there is none.
    var role: String {
        status.isRemoved ? ", no longer a member" : status.role.map { ", as \($0.rawValue)" } ?? ""
    }

    /// When the next try is made, where there is one to come.
    var nextRetry: Int64? {
        guard isFollowed, let retry = status.nextRetry, retry > now else { return nil }
        return retry
    }
}

extension Console {
    /// Names each edit that is held back, and what would be right.
    func warn(about invalid: [InvalidEdit], _ what: String = "not sent") {
        for edit in invalid {
            let place = edit.field.map { ".\($0)" } ?? ""
            warn(
                Terminal.printableLine(
                    "\(what): \(edit.collection)\(place) of \(edit.record): \(edit.problem). \(edit.remedy)"
                ))
        }
    }
}
