// SPDX-License-Identifier: Apache-2.0

/// What this device knows: the servers it joined and the replicas it has.
public struct ClientConfiguration: Codable, Equatable, Sendable {
    public var servers: [Server] = []
    public var replicas: [KnownReplica] = []

    public init() {}

    /// A server that this device joined.
    public struct Server: Codable, Equatable, Sendable {
        public var url: String
        /// The PEM file with the only roots for this server; the system's roots when `nil`.
        public var authorityFile: String?
        /// The file with the device's token, 0600.
        public var tokenFile: String
        /// The file with the device's private key, 0600.
        public var keyFile: String
        public var device: String
        public var member: String
        public var name: String
        public var email: String
        /// Whether the server refused the token when it was used last: the device was revoked.
        public var isRefused: Bool?
    }

    /// A replica on this device.
    public struct KnownReplica: Codable, Equatable, Sendable {
        public var workspace: String
        /// The URL of its server.
        public var server: String
        /// Relative to the data folder where it lies inside.
        public var file: String
        /// The version from which the last sync that brought something went on.
        public var versionBeforeSync: Int64?
        /// Whether the last contact with the server was a bundle's reply, not a sync.
        public var isSyncedByBundle: Bool?

        public init(workspace: String, server: String, file: String) {
            self.workspace = workspace
            self.server = server
            self.file = file
        }
    }

    public func server(_ url: String) -> Server? { servers.first { $0.url == url } }

    /// The replicas that `SLUG` or `HOST/SLUG` (with or without the port) names.
    public func replicas(named name: String) -> [KnownReplica] {
        guard let slash = name.lastIndex(of: "/") else {
            return replicas.filter { $0.workspace == name }
        }
        let (place, slug) = (name[..<slash], name[name.index(after: slash)...])
        return replicas.filter { $0.workspace == slug && Self.matches($0.server, place) }
    }

    /// The replicas that are bound to the server of a host, `HOST:PORT` or URL.
    public func replicas(at place: some StringProtocol) -> [KnownReplica] {
        replicas.filter { Self.matches($0.server, Substring(place)) }
    }

    /// The servers that a host, `HOST:PORT` or URL names.
    public func servers(named place: some StringProtocol) -> [Server] {
        servers.filter { Self.matches($0.url, Substring(place)) }
    }

    private static func matches(_ url: String, _ place: Substring) -> Bool {
        guard let server = ServerAddress(url) else { return url == place }
        return [server.host, server.authority, server.url, "[\(server.host)]"].contains(
            String(place))
    }
}
