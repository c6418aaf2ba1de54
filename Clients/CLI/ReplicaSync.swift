// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import GRDB
import Synchronization
import TingClient
import TingCore
import TingStore
import TingTerminal

/// What `ting sync` does, once its arguments are read.
struct ReplicaSync: Equatable {
    var options = CommonOptions()
    var dryRun = false
    var follow = false
    var failOnConflicts = false
    /// What to say of edits by other tools.
    var message = ""

    private var session: Session { Session(options: options) }
    private var console: Console { Console(json: options.json, quiet: options.quiet) }

    /// Opens the replica on this thread, whose memory grows in fewer steps than another's, and waits
    /// for the exchange.
    func run() throws {
        let code = ExitCode()
        // From here on: the first round may wait for another program, or for the server.
        let signals = follow ? EndSignals(code) : nil
        defer { withExtendedLifetime(signals) {} }
        let replica = try session.replica()
        let connection = try noting(replica) { try session.connection(for: replica) }
        try Main.wait { try await run(replica, connection, code) }
    }

    private func run(
        _ replica: Replica, _ connection: ServerConnection, _ code: ExitCode
    ) async throws {
        do {
            try await connection.use { connection in
                if dryRun {
                    try await preview(replica, connection)
                } else {
                    try await exchange(replica, connection, code)
                }
            }
        } catch {
            session.note(refusal: error, of: replica)
            throw error
        }
    }

    private func exchange(
        _ replica: Replica, _ connection: ServerConnection, _ code: ExitCode
    ) async throws {
        let report = SyncReport(replica, console, isOneOfMany: follow)
        let outcome = try await once(replica, connection)
        if outcome.summary.quarantined > 0 { code.noteQuarantine() }
        try report.show(outcome)
        try console.warning { try session.noteLastSync(replica, outcome) }
        try await session.keepUp(replica, connection, console)
        if follow {
            let told = ToldDeferrals(outcome.summary.deferred)
            try await stay(replica, connection, report, code, told)
        }
        if outcome.summary.quarantined > 0 { throw Finish.quarantined }
        if failOnConflicts, try replica.status().conflicts > 0 { throw Finish.openConflicts }
    }

    /// One sync, while no other process syncs this replica.
    private func once(
        _ replica: Replica, _ connection: ServerConnection
    ) async throws -> SyncSession.Outcome {
        let lock = try noting(replica) { try session.lock(replica.path) }
        defer { withExtendedLifetime(lock) {} }
        let invalid = try noting(replica) { try replica.seal(message: message) }
        if !options.json { console.warn(about: invalid) }
        let progress = console.progress
        defer { progress.end() }
        if try replica.isDigestDue() { progress.report("computing the digest of this clone") }
        return try await SyncSession(replica, over: connection, now: Session.clock).run { step in
            progress.report("version \(step.version) of \(step.head), \(step.sent) sent")
        }
    }

    /// Does what comes before the exchange, which notes by itself how it ended.
    private func noting<T>(_ replica: Replica, _ body: () throws -> T) throws -> T {
        do { return try body() } catch {
            if !dryRun { session.note(failure: error, of: replica) }
            throw error
        }
    }

    private func stay(
        _ replica: Replica, _ connection: ServerConnection, _ report: SyncReport,
        _ code: ExitCode, _ told: ToldDeferrals
    ) async throws {
        console.note("Following; Ctrl-C ends it.")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [options, session] in
                let console = Console(json: options.json, quiet: options.quiet)
                try await Follower(replica, over: connection, now: Session.clock).run { news in
                    Main.tellPutBack()
                    switch news {
                    case .synced(let outcome):
                        if outcome.summary.quarantined > 0 { code.noteQuarantine() }
                        try? session.noteLastSync(replica, outcome)
                        var rest = outcome
                        if !told.isNews(outcome.summary.deferred) { rest.summary.deferred = 0 }
                        if rest.hasNews { try? report.show(outcome) }
                    case .failed(let error): console.warn("\(error.sentence) It is tried again.")
                    }
                    if let failure = CommandError.incompleteOutput { throw failure }
                }
            }
            // Nobody would ever hear of what is still to come.
            group.addTask { await Terminal.waitForReaderToLeave() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func preview(_ replica: Replica, _ connection: ServerConnection) async throws {
        let status = try replica.status()
        let there = try await connection.workspace(status.workspace)
        // An epoch of its own counts from another beginning: its head says nothing here.
        if there.epoch == status.epoch.description {
            do { try replica.hear(of: there.head) } catch let error as DatabaseError
                where [.SQLITE_READONLY, .SQLITE_FULL].contains(error.resultCode)
            {
                // There is no room to note it in, and nothing else hangs on it.
            }
        }
        let waiting = max(0, max(0, there.head) - status.version)
        let sent = try replica.outbox().count
        if !options.json { console.warn(about: status.invalid) }
        console.outcome(
            .object([
                ("sent", .integer(sent)), ("received", .integer(waiting)),
                ("merged", .integer(0)), ("conflicts", .integer(0)), ("quarantined", .integer(0)),
                ("deferred", .integer(0)), ("invalid", .integer(status.invalid.count)),
                ("version", .integer(status.version)),
            ]),
            "Would send \(status.outbox.counted("edit")) and receive "
                + "\(waiting.counted("change set")). Nothing was changed."
        )
    }
}

extension ReplicaSync {
    /// `nil` for everything that is no plain `sync`: see `PlainArguments`.
    init?(_ arguments: [String]) {
        guard arguments.first == "sync",
            let plain = PlainArguments(
                arguments.dropFirst(), flags: ["--dry-run", "--follow", "--fail-on-conflicts"],
                options: ["--message", "-m"]),
            plain.operands.isEmpty,
            // What goes together, `Sync` says.
            !plain.flags.contains("--follow") || plain.flags.count == 1
        else { return nil }
        let message = plain.value("--message", "-m") ?? ""
        guard MessageOption.fits(message) else { return nil }
        self.init(
            options: plain.options, dryRun: plain.flags.contains("--dry-run"),
            follow: plain.flags.contains("--follow"),
            failOnConflicts: plain.flags.contains("--fail-on-conflicts"),
            message: message)
    }
}

extension Session {
    /// Notes for `status` why no sync began.
    fileprivate func note(failure error: any Error, of replica: Replica) {
        let report = ErrorPresenter.report(error)
        // Who is signed out is told so until they join again; a file that is busy takes no note.
        guard !["not_signed_in", "busy"].contains(report.code) else { return }
        try? replica.note(
            error: "\(report.sentence) \(report.remedy)", nextRetry: nil, synced: nil)
    }

    /// Notes for `status` that the server does not know this device any more.
    fileprivate func note(refusal error: any Error, of replica: Replica) {
        guard (error as? ClientError)?.code == "unauthorized",
            let server = try? replica.identity().server
        else { return }
        try? home().note(refused: true, by: server)
    }

    /// After a sync: learns what an earlier version of Ting did not ask for when it joined, and takes
    /// on the account that its owner has at a server that was set up anew.
    fileprivate func keepUp(
        _ replica: Replica, _ connection: ServerConnection, _ console: Console
    ) async throws {
        let identity = try replica.identity()
        let home = try home()
        guard let known = try home.configuration().server(identity.server) else { return }
        try console.warning { try home.note(refused: false, by: identity.server) }
        if let member = MemberID(known.member), member != identity.member {
            try replica.bind(server: identity.server, member: member)
        }
        if !home.hasBundleKey(identity.server), let key = try? await connection.bundleKey() {
            try console.warning { try home.pin(bundleKey: key, of: identity.server) }
        }
    }
}

extension Console {
    /// Notes a sync for later commands; where `TING_HOME` can't be read or written, it warns: the sync
    /// stands, and ends as it went.
    func warning(_ note: () throws -> Void) throws {
        do { try note() } catch let error as HomeError {
            warn("the sync is done, and could not be noted: \(error.sentence)")
            hint(error.remedy)
        }
    }
}

/// Ends the program well on Ctrl-C, or when it is told to stop.
///
/// At any instant: what SQLite has not committed is as if it had not begun, and what was sent without
/// an answer is sent again.
private final class EndSignals {
    private let sources: [any DispatchSourceSignal]
    private static let patience = DispatchTimeInterval.seconds(2)

    init(_ code: ExitCode) {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                // What is under way fails from now on, and has nothing to say of it.
                Terminal.fallSilent()
                let code = CommandError.incompleteOutput?.exit.rawValue ?? code.value
                // A statement that waits for another program would keep the file open as long.
                DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { _exit(code) }
                Session.close { _exit(code) }
            }
            source.resume()
            return source
        }
    }
}

/// What following ends with.
private final class ExitCode: Sendable {
    private let code = Atomic<Int32>(0)

    var value: Int32 { code.load(ordering: .relaxed) }

    /// Something went to quarantine meanwhile.
    func noteQuarantine() { code.store(Finish.quarantined.code, ordering: .relaxed) }
}

/// How many change sets the server deferred when that was told last: the same once more is no news.
private final class ToldDeferrals: Sendable {
    private let count: Atomic<Int>

    init(_ count: Int) { self.count = Atomic(count) }

    func isNews(_ count: Int) -> Bool { self.count.exchange(count, ordering: .relaxed) != count }
}

extension SyncSession.Outcome {
    /// Whether anything came or went.
    var hasNews: Bool {
        summary.sent + summary.received + summary.quarantined + summary.deferred > 0
            || summary.renamed || mended > 0 || startedOver != nil
    }
}
