// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import TingPlanning
import TingServer

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the workspaces of a data folder.",
        discussion: """
            tingd serve --data /srv/ting
            tingd serve --data /srv/ting --listen 0.0.0.0:8443 \\
              --url https://ting.example.org:8443
            tingd serve --data /tmp/ting --listen 127.0.0.1:0

            SIGTERM ends what is under way and stops; SIGHUP reads the certificate anew.
            """)

    @OptionGroup var options: DataOption
    @OptionGroup var tls: TLSOption

    @Option(
        name: .long,
        help: ArgumentHelp("Where to listen; port 0 picks one.", valueName: "host:port"))
    var listen = "127.0.0.1:8443"

    @Option(name: .long, help: "The address that members reach the server by.")
    var url: String?

    @Option(
        name: .long,
        help: ArgumentHelp("The oldest TLS to speak: 1.3 or 1.2.", valueName: "version"))
    var tlsMin = "1.3"

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Connections that one address may hold; a quarter of all unless given.",
            valueName: "count"))
    var connectionsEachAddress: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What to log: debug, info, notice, warning or error.", valueName: "level"))
    var logLevel = "info"

    func validate() throws {
        try checkURL(url)
        guard HostPort(listen) != nil else {
            throw ValidationError("--listen reads like 127.0.0.1:8443 or [::1]:0, not \(listen).")
        }
        guard ["1.2", "1.3"].contains(tlsMin) else {
            throw ValidationError("--tls-min is 1.3 or 1.2.")
        }
        guard connectionsEachAddress ?? 1 > 0 else {
            throw ValidationError("--connections-each-address is a number from 1 on.")
        }
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level is debug, info, notice, warning or error.")
        }
    }

    func run() async throws {
        // It would end the process as long as nothing waits for it: `CertificateService` does, later.
        signal(SIGHUP, SIG_IGN)
        let folder = try options.folder
        var configuration = try ServerSettings.read(folder)
        configuration.url = url ?? configuration.url
        configuration.connectionsEachAddress =
            connectionsEachAddress ?? configuration.connectionsEachAddress
        tls.apply(to: &configuration)
        let level = Logger.Level(rawValue: logLevel) ?? .info
        let logger = Logger(label: "tingd") { _ in LogLines(level: level) }
        var bounds = ServerBounds(fileHandles: ProcessLimits.raiseOpenFiles())
        bounds.connectionsEachAddress = configuration.connectionsEachAddress
        var server = ServerOptions(
            folder: folder, configuration: configuration,
            listen: HostPort(listen) ?? .standard, schema: PlanningSchema.schema, logger: logger)
        server.allowsTLS12 = tlsMin == "1.2"
        server.bounds = bounds
        try await RunningServer(server).run(stopsOnSignals: true) {
            [configuration] address in
            Self.announce(address, folder, configuration, logger)
        }
        logger.info("server.stopped")
    }

    /// Remembers the address for `invite`, then says that the server accepts.
    private static func announce(
        _ address: HostPort, _ folder: DataFolder, _ configuration: ServerSettings,
        _ logger: Logger
    ) {
        var configuration = configuration
        configuration.listen = address.description
        do {
            try configuration.write(folder)
        } catch {
            logger.warning("configuration.unwritable")
        }
        logger.info("server.ready", metadata: ["listen": "\(address)"])
        print("tingd: ready on https://\(address)")
        fflush(nil)
    }
}
