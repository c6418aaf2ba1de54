// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import TingCore
import TingServer

struct Invite: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Invite someone: prints the join address for one device.",
        discussion: """
            tingd invite --data /srv/ting --name 'Anna Jensen' --email anna@example.org \\
              --workspace energy --role owner
            tingd invite --data /srv/ting --name '李雷' --email li.lei@example.cn \\
              --workspace energy --role editor --existing

            The address is good for 24 hours, once. A workspace that is not there is made, and who \
            is invited to a new one owns it; to others they come as editor. Repeat the command for \
            a further device of the same member, without --role: a member's role, and the name, \
            change at once, not when the address is used.
            """)

    @OptionGroup var options: DataOption

    @Option(name: .long, help: "The name that others see.")
    var name: String

    @Option(name: .long, help: "The address that tells members apart.")
    var email: String

    @Option(name: .long, help: ArgumentHelp("The workspace.", valueName: "slug"))
    var workspace: String?

    @Option(name: .long, help: ArgumentHelp("owner, editor or viewer.", valueName: "role"))
    var role: Role?

    @Flag(name: .long, help: "Refuse to make a workspace.")
    var existing = false

    @Option(name: .long, help: "The address that members reach the server by.")
    var url: String?

    func validate() throws {
        try checkURL(url)
        let invitation = Invitation(name: name, email: email, workspace: nil, role: role)
        if let problem = invitation.problem { throw ValidationError(problem) }
        if workspace == nil, role != nil || existing {
            throw ValidationError("--role and --existing need a --workspace.")
        }
    }

    func run() throws {
        try options.withOperator(makesFiles: true) { person in
            let invited = try person.invite(
                Invitation(name: name, email: email, workspace: nil, role: role), to: workspace,
                mayCreate: !existing, url: url)
            if invited.isNewWorkspace, let workspace {
                ErrorPresenter.note("tingd: made the workspace \(workspace)")
            }
            Output.line("\(invited.address)")
            if try url == nil && person.lacksPublicName {
                ErrorPresenter.note(
                    "tingd: the address names localhost, which leads others nowhere: start the server with --url https://HOST:PORT"
                )
            }
        }
    }
}

extension Role: ExpressibleByArgument {}
