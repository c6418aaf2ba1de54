// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

extension ClientHome {
    /// Registers this device at the server of a join address, and keeps what it gives.
    ///
    /// The device gets a key pair of its own; the private key never leaves it. A join that was cut, at
    /// whatever byte, is done again with the same address: the pair is kept until it is done.
    ///
    /// A device that has joined this very server shows its token: invited to one workspace more, it stays the
    /// device that it is, and acts there too. Another account's gets a new one.
    /// - Parameters:
    ///   - authorityFile: A PEM file with the roots to use where the address names the system's.
    ///   - schema: The version of the schema that this program knows.
    public func join(
        _ address: JoinAddress, device name: String, authorityFile: String?, schema: Int,
        timeout: Duration, environment: [String: String]
    ) async throws -> JoinedDevice {
        let anchor = try await anchor(
            address, authorityFile: authorityFile, timeout: timeout, environment: environment)
        let key = try joiningKey(address)
        let authority = try pem(anchor)
        let present = present(at: address.server, authority)
        let connection = try ServerConnection(
            address.server, anchor: anchor, token: present?.token, timeout: timeout,
            environment: environment)
        let answer: JoinAnswer
        do {
            answer = try await connection.join(
                code: address.code, device: name, publicKey: key.publicKey.x963Representation,
                schema: schema)
        } catch {
            await connection.close()
            // The code is worth nothing any more, and so is the key.
            if (error as? ClientError)?.code == "invalid_code" { forgetJoiningKey(address) }
            throw error
        }
        await connection.close()
        let isSame = answer.token == present?.token
        let joined = JoinedDevice(
            server: address.server, authority: authority,
            key: isSame ? present?.key ?? "" : key.pemRepresentation + "\n",
            token: answer.token, device: answer.device, member: answer.member, name: answer.name,
            email: answer.email, workspaces: answer.workspaces)
        try remember(joined)
        forgetJoiningKey(address)
        return joined
    }

    /// Token and key of the device that this is at the server, if it is the one whose CA the address names.
    func present(
        at server: ServerAddress, _ authority: String?
    ) -> (token: String, key: String)? {
        guard let known = try? configuration().server(server.url),
            let token = try? token(of: known), let key = readConfigurationFile(known.keyFile)
        else { return nil }
        if let file = known.authorityFile {
            // One that can't be read is not the system's.
            guard let pem = readConfigurationFile(file), pem == authority else { return nil }
        } else if authority != nil {
            return nil
        }
        return (token, key)
    }

    /// The key pair with which this address was tried before, or a new one.
    ///
    /// A server that took the code in, and whose reply was lost, gives a token to that key alone.
    private func joiningKey(_ address: JoinAddress) throws -> P256.Signing.PrivateKey {
        let file = Self.joiningFile(address)
        if let pem = readConfigurationFile(file),
            let key = try? P256.Signing.PrivateKey(pemRepresentation: pem)
        {
            return key
        }
        let key = P256.Signing.PrivateKey()
        try writeConfigurationFile(key.pemRepresentation + "\n", to: file)
        return key
    }

    private func forgetJoiningKey(_ address: JoinAddress) {
        unlink(configurationFolder + "/" + Self.joiningFile(address))
    }

    /// Named for the code, but not by it.
    private static func joiningFile(_ address: JoinAddress) -> String {
        let digest = SHA256.hash(data: Data(address.code.utf8))
        let name = digest.prefix(8).map { String(format: "%02x", $0) }.joined()
        return "servers/\(address.server.fileName)/joining-\(name).pem"
    }

    private func anchor(
        _ address: JoinAddress, authorityFile: String?, timeout: Duration,
        environment: [String: String]
    ) async throws -> TrustAnchor {
        switch address.trust {
        case .pin(let pin):
            try await FirstContact.authority(
                pinned: pin, at: address.server,
                proxy: ProxySettings.forServer(address.server, environment: environment),
                timeout: timeout)
        case .system: authorityFile.map { .file($0) } ?? .system
        }
    }

    /// The roots to keep: a named file may go away later.
    private func pem(_ anchor: TrustAnchor) throws -> String? {
        switch anchor {
        case .authority(let pem): pem
        case .file(let path): PrivateFile.read(path)
        case .system: nil
        }
    }
}
