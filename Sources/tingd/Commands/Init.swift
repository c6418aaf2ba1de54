// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingServer

struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a data folder, with a CA and a certificate.",
        discussion: """
            tingd init --data /srv/ting
            tingd init --data /srv/ting --host ting.example.org --host 192.0.2.7
            tingd init --data /srv/ting --tls-cert /etc/ssl/ting.pem \\
              --tls-key /etc/ssl/ting.key
            """)

    @OptionGroup var options: DataOption
    @OptionGroup var tls: TLSOption

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A name or address in the certificate; may be repeated (default: localhost, 127.0.0.1, ::1).",
            valueName: "name"))
    var host: [String] = []

    @Option(name: .long, help: "The address that members reach the server by.")
    var url: String?

    func validate() throws {
        try checkURL(url)
        if tls.tlsCert != nil, !host.isEmpty {
            throw ValidationError("--host names a certificate that is made; you gave one.")
        }
    }

    func run() throws {
        var configuration = ServerSettings()
        configuration.url = url
        tls.apply(to: &configuration)
        let names = host.isEmpty ? ["localhost", "127.0.0.1", "::1"] : host
        try Operator.create(options.data, names: names, configuration: configuration)
        ErrorPresenter.note(
            "tingd: made \(options.data); start it with `tingd serve --data \(options.data)`")
    }
}
