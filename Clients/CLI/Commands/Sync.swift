// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct Sync: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Send what was edited here, and receive what others did.",
        discussion: """
            One round trip. What can be merged is merged; what can't be becomes a conflict that \
            everybody sees. What the server rejects goes to quarantine, and the exit code is 5.

            Examples:
              ting sync
              ting sync -m 'After the steering committee'
              ting sync --follow
              ting sync --quiet --fail-on-conflicts
            """)

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Say what would be sent and received; change nothing.") var dryRun = false
    @Flag(help: "Stay, and sync whenever something is new.") var follow = false
    @Flag(help: "Exit with 4 while conflicts are open.") var failOnConflicts = false

    @Option(
        name: [.customShort("m"), .long], parsing: .unconditional,
        help: ArgumentHelp("What to say in the history of edits by other tools.", valueName: "text")
    )
    var message = ""

    var sync: ReplicaSync {
        ReplicaSync(
            options: global.values, dryRun: dryRun, follow: follow,
            failOnConflicts: failOnConflicts, message: message)
    }

    func validate() throws {
        try MessageOption.check(message)
        guard follow, dryRun || failOnConflicts else { return }
        throw ValidationError(
            "--follow stays until it is ended: leave out \(dryRun ? "--dry-run" : "--fail-on-conflicts")."
        )
    }

    func run() throws { try sync.run() }
}
