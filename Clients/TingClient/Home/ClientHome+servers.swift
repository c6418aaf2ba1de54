// SPDX-License-Identifier: Apache-2.0

import Foundation

extension ClientHome {
    /// Forgets the sign-in at a server: token, key and roots go; what is known of replicas stays.
    public func forget(_ url: String) throws {
        guard let server = try configuration().server(url) else { return }
        try update { $0.servers.removeAll { $0.url == url } }
        let files = [server.tokenFile, server.keyFile, server.authorityFile].compactMap { $0 }
        for file in files { unlink(configurationFolder + "/" + file) }
        let folder = configurationFolder + "/" + Self.folder(of: server)
        for name in [Self.serverKeyName, Self.replyKeyName] { unlink(folder + name) }
        // Gone only when it is empty.
        rmdir(folder)
    }

    /// Where a server's files lie, with a slash at the end.
    static func folder(of server: ClientConfiguration.Server) -> String {
        (server.keyFile as NSString).deletingLastPathComponent + "/"
    }

    /// Forgets a replica whose file is no longer there.
    public func forget(replica path: String) throws {
        try update { known in known.replicas.removeAll { self.path(of: $0) == path } }
        for suffix in [".lock", ".follow"] { unlink(path + suffix) }
    }

    /// Goes on with the sign-in of one address at another: the server moved, and is the same.
    ///
    /// The roots stay those that were pinned, so another server can't take its place.
    public func move(_ old: String, to new: ServerAddress) throws {
        guard let server = try configuration().server(old), old != new.url else { return }
        guard try configuration().server(new.url) == nil else { return }
        func moved(_ file: String) -> String {
            "servers/\(new.fileName)/\((file as NSString).lastPathComponent)"
        }
        for name in [Self.serverKeyName, Self.replyKeyName] {
            guard let text = readConfigurationFile(Self.folder(of: server) + name) else { continue }
            try writeConfigurationFile(text, to: moved(name))
        }
        for file in [server.authorityFile, server.keyFile, server.tokenFile].compactMap({ $0 }) {
            guard let text = readConfigurationFile(file) else {
                throw HomeError.damaged(configurationFolder + "/" + file)
            }
            try writeConfigurationFile(text, to: moved(file))
        }
        try update { configuration in
            var entry = server
            entry.url = new.url
            entry.authorityFile = server.authorityFile.map(moved)
            entry.tokenFile = moved(server.tokenFile)
            entry.keyFile = moved(server.keyFile)
            configuration.servers.append(entry)
        }
    }
}
