// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingServer

struct Certificate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the names in the server's own certificate, and add some.",
        discussion: """
            tingd certificate --data /srv/ting
            tingd certificate --data /srv/ting --host ting.example.org

            For a server that gets another name or address. The CA stays, so members trust it as before; \
            a running server takes the new certificate on SIGHUP.
            """)

    @OptionGroup var options: DataOption

    @Option(
        name: .long,
        help: ArgumentHelp("A name or address to add; may be repeated.", valueName: "name"))
    var host: [String] = []

    func run() throws {
        let names = try options.withOperator(makesFiles: true) { try $0.certify(adding: host) }
        for name in names { Output.line(name) }
        guard !host.isEmpty else { return }
        ErrorPresenter.note(
            "tingd: a new certificate is there; a running server takes it on SIGHUP")
    }
}
