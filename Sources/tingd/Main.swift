// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CSQLiteConfig
import Dispatch
import Foundation
import TingServer
import TingStore
import TingTerminal

/// Where the program begins. Synchronous: only `serve` starts an event loop.
@main enum Main {
    static func main() {
        StandardFiles.fill()
        signal(SIGPIPE, SIG_IGN)  // A peer that left is an error of one connection.
        ting_sqlite_count_no_memory()
        // Every change set has a savepoint: what a small one may put back stays in memory. SQLite 3.40 can't
        // write a piece of 128 KiB or more to a file, and takes the disk for full.
        ting_sqlite_keep_savepoints((128 << 10) - 1)
        umask(0o077)  // What a server keeps is for its own user, SQLite's logs included.
        guard let arguments = CommandLine.givenArguments else {
            ErrorPresenter.complain(
                "An argument holds bytes that are not UTF-8.", hint: "Write it in UTF-8.")
            exit(2)
        }
        exit(run(arguments))
    }

    private static func run(_ arguments: [String]) -> Int32 {
        do {
            var command = try Tingd.parseAsRoot(arguments)
            if let command = command as? any AsyncParsableCommand {
                try wait(for: command)
            } else {
                try command.run()
            }
            try Output.check()
            return 0
        } catch {
            return ErrorPresenter.present(error, of: arguments)
        }
    }

    private static func wait(for command: any AsyncParsableCommand) throws {
        // Handed over whole: this thread does not touch it until the task has ended.
        nonisolated(unsafe) var command = command
        nonisolated(unsafe) var failure: (any Error)?
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            do { try await command.run() } catch { failure = error }
            done.signal()
        }
        done.wait()
        if let failure { throw failure }
    }
}

/// `tingd`: the server of Ting.
struct Tingd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tingd",
        abstract: "Serve Ting workspaces over TLS.",
        discussion: """
            A first server, and a first member:
              tingd init --data /srv/ting --host ting.example.org
              tingd serve --data /srv/ting --listen 0.0.0.0:8443 \\
                --url https://ting.example.org:8443
              tingd invite --data /srv/ting --name 'Anna Jensen' --email anna@example.org \\
                --workspace energy --role owner

            All but `init`, `serve` and `restore` work while the server runs.
            """,
        version: TingVersion.text,
        subcommands: [
            Init.self, Serve.self, Invite.self, Members.self, Devices.self, Quota.self,
            Certificate.self, BundleCommand.self,
            Status.self, Verify.self, Log.self, Compact.self, Backup.self, Restore.self,
        ])
}
