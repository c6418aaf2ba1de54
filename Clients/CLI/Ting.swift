// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingTerminal

/// `ting`: plan together, work apart.
struct Ting: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ting",
        abstract: "Plan together, often apart: every member keeps a full copy and syncs it.",
        discussion: """
            A first time:
              ting join 'ting://server.example:8443/join?code=…&pin=…'
              ting clone programme
              ting add project title_en='Clean water' status=active
              ting sync

            Reading, writing and searching never need the network; `ting sync` sends and receives. \
            `-w SLUG`, `--replica FILE`, `--json`, `--quiet` and `--timeout` go before or after \
            the subcommand; TING_WORKSPACE and TING_REPLICA say the same as the first two.

            Exit codes: 0 done, 1 error, 2 usage, 3 server not reached, 4 open conflicts (with \
            --fail-on-conflicts), 5 something went to quarantine, 6 not signed in or not allowed.
            """,
        version: TingVersion.text,
        groupedSubcommands: [
            CommandGroup(
                name: "Starting",
                subcommands: [
                    Join.self, Workspaces.self, Clone.self, Members.self, Invite.self,
                    Devices.self, Server.self, Logout.self, Completions.self,
                ]),
            CommandGroup(
                name: "Writing",
                subcommands: [
                    Add.self, SetFields.self, Edit.self, Delete.self, Restore.self, Import.self,
                ]),
            CommandGroup(
                name: "Reading",
                subcommands: [
                    List.self, Show.self, Search.self, RunSQL.self, ShowSchema.self, PrintPath.self,
                ]),
            CommandGroup(
                name: "Sharing",
                subcommands: [
                    Status.self, Sync.self, Conflicts.self, Resolve.self, Outbox.self,
                    Quarantine.self, BundleCommand.self,
                ]),
            CommandGroup(
                name: "History", subcommands: [Log.self, Blame.self, Revert.self, Verify.self]),
        ])

    /// Each configuration says its name: made from the type by reflection it would cost 0.1 ms, and
    /// the parser asks for all of them at every start.
    static var commandNames: [String] {
        configuration.subcommands.compactMap { $0.configuration.commandName }
    }
}
