// SPDX-License-Identifier: Apache-2.0

import Foundation
import HummingbirdCore
package import Logging
import NIOCore
import NIOPosix
package import ServiceLifecycle
import Synchronization
package import TingCore
import TingStore
import UnixSignals

/// How a server runs.
package struct ServerOptions: Sendable {
    package var folder: DataFolder
    package var configuration: ServerSettings
    package var listen: HostPort
    package var allowsTLS12 = false
    package var bounds = ServerBounds()
    package var schema: Schema
    package var logger: Logger
    /// Milliseconds since 1970.
    package var now: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1_000) }

    package init(
        folder: DataFolder, configuration: ServerSettings, listen: HostPort, schema: Schema,
        logger: Logger
    ) {
        self.folder = folder
        self.configuration = configuration
        self.listen = listen
        self.schema = schema
        self.logger = logger
    }
}

/// The server: accounts, workspaces and the HTTPS endpoint, from start to shutdown.
package final class RunningServer: Sendable {
    private let options: ServerOptions
    private let accounts: Accounts
    private let certificate: ServerCertificate
    private let workers = Workers.forRequests()
    private let copyists = Workers.forCopies()
    private let metrics = ServerMetrics()
    private let requests = RequestsUnderWay()
    private let followers = FollowHub()
    private let seen = SeenDevices()
    private let registry: WorkspaceRegistry
    private let address: Mutex<HostPort>
    private let lock: FolderLock
    private let bundles: Mutex<AppliedBundles>

    /// Bundles that commands applied, as the audit log tells of them.
    private struct AppliedBundles {
        /// The last line that told of one.
        var last: Int64
        /// Workspaces whose followers could not be told: with the next change they are.
        var untold: Set<WorkspaceID> = []
    }

    package init(_ options: ServerOptions) throws {
        self.options = options
        lock = try FolderLock(options.folder)
        let now = options.now
        accounts = try Accounts(path: options.folder.database, now: now)
        bundles = Mutex(AppliedBundles(last: try accounts.bundlesApplied(after: 0).last))
        certificate = try ServerCertificate(
            TLSFiles(options.folder, options.configuration),
            now: Date(timeIntervalSince1970: Double(now()) / 1_000))
        address = Mutex(options.listen)
        registry = WorkspaceRegistry(
            workers: workers, limit: options.bounds.openWorkspaces,
            displaced: { [logger = options.logger] id in
                logger.error("workspace.displaced", metadata: ["workspace": "\(id)"])
            },
            glance: { [folder = options.folder, schema = options.schema] id in
                try Workspace.standing(at: folder.workspace(id), schema: schema)
            }
        ) { [workers, followers, metrics] id in
            let file = try Workspace(path: options.folder.workspace(id), schema: options.schema)
            file.setPatience(milliseconds: Limits.judgingMilliseconds)
            return OpenWorkspace(
                id: id, file: file, workers: workers, now: now,
                announce: { workspace, versions in
                    metrics.countCommit()
                    await Self.announce(versions, of: workspace, to: followers)
                })
        }
    }

    /// Runs until a shutdown has ended what is under way.
    ///
    /// - Parameters:
    ///   - stopsOnSignals: whether SIGTERM and SIGINT start a shutdown.
    ///   - started: given the group that a shutdown can be triggered on.
    ///   - onReady: told the address once the server accepts connections.
    package func run(
        stopsOnSignals: Bool = false, started: @Sendable (ServiceGroup) -> Void = { _ in },
        onReady: @escaping @Sendable (HostPort) -> Void
    ) async throws {
        let group = try group(signals: stopsOnSignals ? [.sigterm, .sigint] : [], onReady: onReady)
        started(group)
        do {
            try await group.run()
        } catch {
            await close()
            throw error
        }
        await close()
    }

    private func group(
        signals: [UnixSignal], onReady: @escaping @Sendable (HostPort) -> Void
    ) throws -> ServiceGroup {
        var quiet = options.logger
        quiet.logLevel = max(.warning, options.logger.logLevel)
        let routes = RouteService()
        let services: [any Service] = [
            CertificateService(
                certificate: certificate, now: options.now, logger: options.logger,
                interval: options.bounds.certificateLook),
            AccountsWatch(
                path: options.folder.database, accounts: accounts, followers: followers,
                seen: seen, workers: workers, logger: options.logger,
                catchUp: { [self] in try await announceBundles() }),
            CommentService(followers: followers, interval: options.bounds.followComment),
            routes,
            try listener(quiet, routes, onReady: onReady),
            // The last is told first of a shutdown.
            DrainService(
                requests: requests, followers: followers, patience: options.bounds.shutdown),
        ]
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup)
            }, gracefulShutdownSignals: signals, logger: quiet)
        configuration.maximumGracefulShutdownDuration = options.bounds.shutdown + .seconds(10)
        return ServiceGroup(configuration: configuration)
    }

    private func listener(
        _ quiet: Logger, _ routes: RouteService, onReady: @escaping @Sendable (HostPort) -> Void
    ) throws -> any Service {
        let api = try api()
        let tls = try ListenerTLS(certificate, allowsTLS12: options.allowsTLS12)
        return try Listener.builder(tls, api, routes).buildServer(
            configuration: ServerConfiguration(
                address: .hostname(options.listen.host, port: options.listen.port), backlog: 1_024,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    options.bounds.connections)),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: quiet,
            responder: api.handle,
            onServerRunning: { [self] channel in
                var bound = options.listen
                bound.port = channel.localAddress?.port ?? bound.port
                address.withLock { $0 = bound }
                onReady(bound)
            })
    }

    private func api() throws -> API {
        let pin = try TLSFiles(options.folder, options.configuration).pin
        return API(
            accounts: accounts, registry: registry,
            snapshots: SnapshotStore(options.folder, workers: workers, copyists: copyists),
            followers: followers,
            desk: BundleDesk(accounts: accounts, key: try BundleKeyFile.load(options.folder)),
            workers: workers, metrics: metrics, requests: requests,
            seen: seen,
            bounds: options.bounds, now: options.now,
            joinAddress: { [self] code in
                JoinAddress(server: publicAddress, code: code, pin: pin).description
            }, gauges: { [self] in await gauges() }, logger: options.logger,
            bytes: BytesUnderWay(options.bounds))
    }

    private var publicAddress: HostPort {
        var configuration = options.configuration
        configuration.listen = address.withLock { $0.description }
        return configuration.publicAddress(names: certificate.names)
    }

    private func gauges() async -> [(name: String, help: String, value: Double)] {
        [
            (
                "ting_open_workspaces", "Workspaces whose files are open.",
                Double(await registry.count)
            ),
            ("ting_followers", "Event streams.", Double(followers.count)),
            ("ting_requests_under_way", "Requests being answered.", Double(requests.count)),
            (
                "ting_certificate_end_seconds", "When the certificate ends, in seconds since 1970.",
                certificate.end.timeIntervalSince1970
            ),
        ]
    }

    private func close() async {
        await registry.closeAll()
        try? accounts.closeWhole()
        await workers.stop()
        await copyists.stop()
    }

    /// Tells followers of versions that another process added: `tingd bundle apply`.
    private func announceBundles() async throws {
        var seen = bundles.withLock { $0 }
        let (applied, last) = try await workers.run { [accounts, seen] in
            try accounts.bundlesApplied(after: seen.last)
        }
        seen = AppliedBundles(last: last, untold: seen.untold.union(applied))
        for id in seen.untold where await tellOfBundle(id) { seen.untold.remove(id) }
        bundles.withLock { $0 = seen }
    }

    /// - Returns: Whether nobody who follows is left to tell.
    private func tellOfBundle(_ id: WorkspaceID) async -> Bool {
        guard followers.hasFollowers(id) else { return true }
        let told = followers.head(of: id)
        do {
            try await registry.with(id) { workspace in
                let head = try await workspace.read { try $0.head().version }
                guard head > told ?? 0 else { return }
                await Self.announce((told ?? head - 1) + 1...head, of: workspace, to: followers)
            }
            return true
        } catch {
            return false
        }
    }

    /// Tells followers of new versions, once encoded for all.
    private static func announce(
        _ versions: ClosedRange<Version>, of workspace: OpenWorkspace, to followers: FollowHub
    ) async {
        guard followers.hasFollowers(workspace.id) else { return }
        // Without the event a follower hears of these versions with the next one, or polls.
        guard
            let event = try? await workspace.read({
                try FollowHub.Event(of: $0, since: versions.lowerBound - 1)
            })
        else { return }
        followers.publish(event, to: workspace.id)
    }
}
