// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a device needs to speak to a server that it joined.
public struct SignIn: Sendable {
    public var server: ServerAddress
    public var anchor: TrustAnchor
    public var token: String

    public init(server: ServerAddress, anchor: TrustAnchor, token: String) {
        self.server = server
        self.anchor = anchor
        self.token = token
    }
}

extension ClientHome {
    /// The sign-in for the server at `url`.
    /// - Throws: `ClientError` with the code `not_signed_in` where this device has not joined it, or its token is
    ///   gone; `HomeError` where a file of that can't be read.
    public func signIn(_ url: String) throws -> SignIn {
        guard let known = try configuration().server(url), let server = ServerAddress(url) else {
            throw ClientError.notSignedIn(url)
        }
        let token = try token(of: known)
        let anchor: TrustAnchor
        if let file = known.authorityFile {
            guard let pem = readConfigurationFile(file) else {
                throw HomeError.damaged(configurationFolder + "/" + file)
            }
            anchor = .authority(pem: pem)
        } else {
            anchor = .system
        }
        return SignIn(server: server, anchor: anchor, token: token)
    }

    /// The token that a join gave.
    /// - Throws: `ClientError` where its file is missing or empty, `HomeError` where it can't be read.
    func token(of server: ClientConfiguration.Server) throws -> String {
        let file = configurationFolder + "/" + server.tokenFile
        guard let text = PrivateFile.read(file) else {
            let code = PrivateFile.failure(reading: file)
            guard code == ENOENT else { throw HomeError.notRead(file, code) }
            throw ClientError.tokenMissing(file, of: server.url)
        }
        let token = text.filter { !$0.isWhitespace }
        guard !token.isEmpty else { throw ClientError.tokenMissing(file, of: server.url) }
        return token
    }

    /// Keeps what a join gave: the CA, the key and the token in files of their own, 0600.
    ///
    /// The files are on disk before the configuration names them.
    public func remember(_ device: JoinedDevice) throws {
        let folder = "servers/\(device.server.fileName)"
        let entry = ClientConfiguration.Server(
            url: device.server.url,
            authorityFile: device.authority == nil ? nil : folder + "/ca.pem",
            tokenFile: folder + "/token", keyFile: folder + "/key.pem", device: device.device,
            member: device.member, name: device.name, email: device.email)
        // It may be another server, with another key for bundles; what vouches for it does not tell.
        unlink(configurationFolder + "/" + folder + "/" + Self.serverKeyName)
        if let pem = device.authority { try writeConfigurationFile(pem, to: folder + "/ca.pem") }
        try writeConfigurationFile(device.key, to: entry.keyFile)
        try writeConfigurationFile(device.token + "\n", to: entry.tokenFile)
        try update { configuration in
            configuration.servers.removeAll { $0.url == entry.url }
            configuration.servers.append(entry)
        }
    }
}

extension ClientHome {
    /// Other addresses at which this device trusts the very CA of the server that it joined.
    public func servers(trusting device: JoinedDevice) throws -> [ServerAddress] {
        guard let pem = device.authority else { return [] }
        return try configuration().servers.filter { server in
            server.url != device.server.url
                && server.authorityFile.flatMap(readConfigurationFile) == pem
        }.compactMap { ServerAddress($0.url) }
    }
}

/// What a join gave this device.
public struct JoinedDevice: Sendable {
    public var server: ServerAddress
    /// PEM of the only roots for this server, unless the system's are used.
    public var authority: String?
    /// The device's private key, PEM.
    public var key: String
    public var token: String
    public var device: String
    public var member: String
    public var name: String
    public var email: String
    /// The slugs of the workspaces of this member.
    public var workspaces: [String]
}

extension ClientError {
    /// The code `not_signed_in`, where the device had joined.
    static func tokenMissing(_ file: String, of url: String) -> ClientError {
        ClientError(
            .requestWide, code: "not_signed_in",
            "This device's token for the server \(url) is missing: \(file).",
            remedy: "Put the file back, or ask for an invitation and run `ting join ADDRESS`.")
    }

    /// The code `not_signed_in`.
    /// - Parameter url: Of the server; empty where the replica doesn't say which.
    static func notSignedIn(_ url: String) -> ClientError {
        ClientError(
            .requestWide, code: "not_signed_in",
            "This device has not joined the server \(url.isEmpty ? "of this replica" : url).",
            remedy: "Ask for an invitation and run `ting join ADDRESS`.")
    }
}
