// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import TingClient
public import TingCore
import TingStore

struct Invite: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite",
        abstract: "Invite someone to a workspace that you own: prints a join address.",
        discussion: """
            The address is good once, for one device, within 24 hours: who has it can join, so send \
            it to that person alone. Without --role a new member is an editor, and one who is here \
            keeps theirs: that is how a member gets a further device.

            Examples:
              ting invite --name '李雷' --email li.lei@example.cn
              ting invite --name 'Anna Jensen' --email anna@example.org --role viewer
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: "The name that others see.") var name: String
    @Option(help: "The address that tells members apart.") var email: String

    @Option(help: ArgumentHelp("owner, editor or viewer.", valueName: "role"))
    var role: Role?

    func validate() throws {
        try NameOption.check(name, of: "--name")
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }),
            !email.contains(where: \.isWhitespace)
        else { throw ValidationError("--email reads like name@example.org, not \(email).") }
    }

    func run() async throws {
        let (name, email, role) = (name, email, role)
        let replica = try session.replica()
        let slug = try replica.identity().workspace
        let invitation = try await session.atServer(of: replica) { connection in
            try await connection.invite(name: name, email: email, as: role, to: slug)
        }
        console.result(
            .object([
                ("address", .text(invitation.address)), ("name", .text(name)),
                ("email", .text(email)), ("role", .text(role?.rawValue)),
                ("expires", .text(TimeText.rfc3339(invitation.expires))),
            ]), [invitation.address])
        guard !global.json else { return }
        console.note(
            "For \(name) alone, once, until \(TimeText.zoned(invitation.expires)).")
        // As told by the server, which may not know by what name it is reached.
        if JoinAddress(invitation.address)?.server.isLoopback == true,
            ServerAddress(try replica.identity().server)?.isLoopback == false
        {
            console.warn(
                "the address leads to the server's own machine: its operator starts it with `tingd serve --url https://HOST:PORT` for others."
            )
        }
    }
}

extension Role: ExpressibleByArgument {}
