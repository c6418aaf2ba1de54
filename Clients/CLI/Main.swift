// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CSQLiteConfig
import Dispatch
import Foundation
import Synchronization
import TingStore
import TingTerminal

/// Where the program begins.
///
/// Synchronous: an async main costs a thread at the start, and much more at the end of a static
/// executable. Local commands start no event loop.
@main enum Main {
    static func main() {
        // A reader that left (`ting list | head`) is no failure worth a message.
        signal(SIGPIPE, SIG_DFL)
        StandardFiles.fill()
        ting_sqlite_count_no_memory()
        let code = run()
        tellRemade()
        tellPutBack()
        Session.close()
        // As without Ting's own handling, which whatever reaches for the network switches on.
        if code == 0, Terminal.hasReaderLeft {
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        exit(code)
    }

    private static func run() -> Int32 {
        guard let given = CommandLine.givenArguments else {
            return ErrorPresenter(json: CommandLine.arguments.contains("--json")).present(
                CommandError(
                    .usage, code: "not_text", "An argument holds bytes that are not UTF-8.",
                    remedy: "Write it in UTF-8: `iconv -f ISO-8859-1` turns older text into it."))
        }
        return run(ArgumentOrder.globalsLast(given))
    }

    /// Tells what other tools took away of a replica's definition, whatever the command was for.
    private static func tellRemade() {
        let remade = Session.remade
        guard !remade.isEmpty else { return }
        let console = Console(json: false, quiet: false)
        console.warn(
            "another program took away parts of the replica, which were made anew: "
                + remade.joined(separator: ", ") + ".")
        console.hint(
            "Edits without a trigger are not noticed: look whether yours are in `ting outbox`.")
    }

    /// Tells what other tools wrote that only the merge may write, whatever the command was for.
    static func tellPutBack() {
        Console(json: false, quiet: false).warn(about: Session.takePutBack(), "put back")
    }

    private static func run(_ arguments: [String]) -> Int32 {
        var presenter = ErrorPresenter(json: arguments.contains("--json"))
        let code = run(arguments, &presenter)
        // A file that lacks its end must not look like an export.
        guard code != CommandError.Exit.error.rawValue, let failure = CommandError.incompleteOutput
        else {
            return code
        }
        return presenter.present(failure)
    }

    private static func run(_ arguments: [String], _ presenter: inout ErrorPresenter) -> Int32 {
        do {
            if let plain = PlainCommand(arguments) {
                presenter.json = plain.options.json
                try plain.run()
                return 0
            }
            let command: any ParsableCommand
            do {
                command = try Ting.parseAsRoot(arguments)
            } catch {
                return presenter.presentParsing(error, of: arguments)
            }
            if let command = command as? any TingCommand { presenter.json = command.global.json }
            try perform(command)
            return 0
        } catch let finish as Finish {
            return finish.code
        } catch  where Ting.exitCode(for: error) == .success {
            // `--help` is a command of its own, which ends by throwing its text.
            return presenter.presentParsing(error, of: arguments)
        } catch {
            return presenter.present(error)
        }
    }

    private static func perform(_ command: any ParsableCommand) throws {
        var command = command
        if let command = command as? any AsyncParsableCommand {
            let handover = Handover(command: command)
            try wait {
                var command = handover.command
                try await command.run()
            }
        } else {
            try command.run()
        }
    }

    /// Does what waits for the network; this thread waits for it.
    static func wait(for work: @escaping @Sendable () async throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        let failure = Mutex<(any Error)?>(nil)
        Task.detached {
            do { try await work() } catch { failure.withLock { $0 = error } }
            done.signal()
        }
        done.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }
}

/// What is typed and scripted most, in its plain form: run without the parser.
private enum PlainCommand {
    case edit(RecordEdit)
    case list(RecordList)
    case sync(ReplicaSync)

    init?(_ arguments: [String]) {
        if let edit = RecordEdit(arguments) {
            self = .edit(edit)
        } else if let list = RecordList(arguments) {
            self = .list(list)
        } else if let sync = ReplicaSync(arguments) {
            self = .sync(sync)
        } else {
            return nil
        }
    }

    var options: CommonOptions {
        switch self {
        case .edit(let edit): edit.options
        case .list(let list): list.options
        case .sync(let sync): sync.options
        }
    }

    func run() throws {
        switch self {
        case .edit(let edit): try edit.run()
        case .list(let list): try list.run()
        case .sync(let sync): try sync.run()
        }
    }
}

/// A command on its way to the task that runs it: the sender does not touch it again.
private struct Handover: @unchecked Sendable {
    let command: any AsyncParsableCommand
}

/// Ends the command with an exit code, after it has said all there is to say.
struct Finish: Error {
    var code: Int32

    static let openConflicts = Finish(code: 4)
    static let quarantined = Finish(code: 5)
}
