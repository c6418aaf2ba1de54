// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingStore

/// What the server remembers of its flags: `config.json`.
package struct ServerSettings: Codable, Equatable, Sendable {
    /// The address that members reach the server by, where it is not the one it listens on.
    package var url: String?
    /// Host and port of the running or last `serve`.
    package var listen: String?
    /// A certificate chain and key of the operator's own (PEM files).
    package var tlsCertificate: String?
    package var tlsKey: String?
    /// Connections that one address may hold, where the operator has said how many.
    package var connectionsEachAddress: Int?

    private enum CodingKeys: String, CodingKey {
        case url, listen
        case tlsCertificate = "tls_cert"
        case tlsKey = "tls_key"
        case connectionsEachAddress = "connections_each_address"
    }

    package init() {}

    package static func read(_ folder: DataFolder) throws -> ServerSettings {
        guard let data = FileManager.default.contents(atPath: folder.configuration) else {
            return ServerSettings()
        }
        do {
            return try JSONDecoder().decode(ServerSettings.self, from: data)
        } catch {
            throw ServerError(
                "\(folder.configuration) is not readable.",
                hint: "Mend it (it is JSON), or remove it to start from the defaults.")
        }
    }

    package func write(_ folder: DataFolder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try WholeFile.write(try encoder.encode(self), to: folder.configuration)
    }
}
