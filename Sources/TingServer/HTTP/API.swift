// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOSSL
import TingCore
import TingStore
import TingWire

/// Answers the requests of `Protocol/openapi.yaml`. The routes are in `Routes/`.
struct API: Sendable {
    let accounts: Accounts
    let registry: WorkspaceRegistry
    let snapshots: SnapshotStore
    let followers: FollowHub
    let desk: BundleDesk
    let workers: Workers
    let metrics: ServerMetrics
    let requests: RequestsUnderWay
    let seen: SeenDevices
    let bounds: ServerBounds
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64
    /// The join address for a code.
    let joinAddress: @Sendable (String) -> String
    let gauges: @Sendable () async -> [(name: String, help: String, value: Double)]
    let logger: Logger
    let attempts = JoinAttempts()
    let gate = StreamGate()
    let queue = FollowQueue()
    let disk = DiskProbe()
    let bytes: BytesUnderWay
    let downloads = DeviceTally(
        Limits.downloadLimit, each: Limits.deviceDownloadLimit, full: .downloads,
        deviceFull: .deviceDownloads)
    private let dates = HTTPDates()

    /// Answers one request, and returns when its last byte is on its way.
    @Sendable func handle(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel
    ) async throws {
        let isOpen = requests.begin()
        let share = RequestShare(bytes)
        defer { requests.end(channel, holding: share) }
        let turn = await gate.enter(channel, patience: TimeAmount(bounds.patience))
        // Who left while waiting costs nothing more.
        guard channel.isActive else { throw ChannelError.eof }
        let response = await respond(to: request, channel, isOpen: isOpen, share)
        try await writer.write(response: response.head, body: response.body)
        // A large one may still lie there: its turn ends with the stream.
        if response.body.contentLength ?? .max <= RequestShare.freeAnswerBytes { turn?.end() }
    }

    /// Answers a request that follows: the routes do so as with any, and `FollowDoor` with what they say.
    ///
    /// It counts as under way until its channel closes, but has no turn of its connection's: an event
    /// stream is open for hours and holds little.
    func follow(
        _ head: HTTPRequest, on channel: any Channel, _ line: FollowHub.Line
    ) async -> FollowAnswer {
        let isOpen = requests.begin()
        channel.closeFuture.whenComplete { [requests] _ in requests.end() }
        let response = await respond(
            to: Request(head: head, body: RequestBody(buffer: ByteBuffer())), channel,
            isOpen: isOpen, RequestShare(bytes), line)
        if response.status == .ok { return .stream(response.head) }
        return .refusal(response.head, await Answer.bytes(of: response.body))
    }

    private func respond(
        to request: Request, _ channel: any Channel, isOpen: Bool, _ share: RequestShare,
        _ line: FollowHub.Line? = nil
    ) async -> Response {
        let start = ContinuousClock.now
        let id = Hexadecimal.encode(Secret.randomBytes(6))
        var name = "unknown"
        defer { share.end() }
        var response: Response
        do {
            guard isOpen else { throw Refusal.stopping }
            let call = Call(
                request: request, channel: channel, route: try route(of: request),
                patience: bounds.patience, share: share, workers: workers, line: line)
            name = call.route.name
            response = try await answer(call)
        } catch {
            response = Answer.problem(refusal(for: error, request: id, route: name))
        }
        // HTTP/2 has neither; a client would take the answer for malformed (RFC 9113 § 8.2.2).
        if channel.isStream {
            response.headers[.connection] = nil
            response.headers[.upgrade] = nil
        }
        if response.status.code >= 500 { response.headers[.requestID] = id }
        response.headers[.date] = dates.text(milliseconds: now())
        if request.method == .head { response = response.createHeadResponse() }
        metrics.count(
            route: name, status: response.status.code, duration: ContinuousClock.now - start)
        logger.debug(
            "http.request",
            metadata: ["request": "\(id)", "route": "\(name)", "status": "\(response.status.code)"])
        return response
    }

    private func route(of request: Request) throws -> Route {
        // Comparing texts puts combining marks in order, at a cost that grows with their square.
        let path = request.head.path ?? ""
        guard
            ([path] + HTTPField.Name.read.compactMap { request.headers[$0] }).allSatisfy(\.isASCII)
        else { throw Refusal(.badRequest, "The head of the request is not all ASCII.") }
        switch Route.match(request.method, path: request.uri.path) {
        case .route(let route): return route
        case .otherMethods(let methods): throw Refusal.methodNotAllowed(methods)
        case .nothing: throw Refusal.notFound
        }
    }

    private func answer(_ call: Call) async throws -> Response {
        try call.checkVersions()
        return switch call.route {
        case .join: try await join(call)
        case .workspaces: try await workspaces(call)
        case .workspace(let slug): try await workspace(call, slug)
        case .sync(let slug): try await sync(call, slug)
        case .mend(let slug): try await mend(call, slug)
        case .giveBack(let slug): try await giveBack(call, slug)
        case .entries(let slug): try await entries(call, slug)
        case .snapshot(let slug): try await snapshot(call, slug)
        case .manifest(let slug): try await manifest(call, slug)
        case .follow(let slug): try await follow(call, slug)
        case .members(let slug): try await members(call, slug)
        case .invitations(let slug): try await invite(call, slug)
        case .changeRole(let slug, let member): try await changeRole(call, slug, member)
        case .removeMember(let slug, let member): try await removeMember(call, slug, member)
        case .devices: try await devices(call)
        case .revokeDevice(let device): try await revokeDevice(call, device)
        case .bundleKey: try await bundleKey(call)
        case .bundles: try await bundles(call)
        case .healthz: Answer.text("ok\n")
        case .readyz: try await readiness()
        case .metrics: await measurements()
        }
    }

    /// Runs `body` with a workspace open. Where its file can't be read, the log names it.
    func with<T: Sendable>(
        _ id: WorkspaceID, _ body: (OpenWorkspace) async throws -> T
    ) async throws -> T {
        do { return try await registry.with(id, body) } catch  where isUnreadable(error) {
            logger.error(
                "workspace.unreadable",
                metadata: [
                    "workspace": "\(id)",
                    "error": error is WorkspaceError ? "\(error)" : "\(type(of: error))",
                    "code": "\(databaseCode(of: error))",
                ])
            throw Refusal.workspaceUnreadable
        }
    }

    private func refusal(for error: any Error, request: String, route: String) -> Refusal {
        if let refusal = error as? Refusal { return refusal }
        if isStorageFull(error) {
            logger.error("storage.full", metadata: ["request": "\(request)", "route": "\(route)"])
            return .storageFull
        }
        if isBusy(error) {
            logger.warning(
                "storage.busy", metadata: ["request": "\(request)", "route": "\(route)"])
            return .busy
        }
        if error is HTTPParserError { return Refusal(.badRequest, "The body is not HTTP.") }
        if error is ChannelError || error is IOError || error is NIOSSLError
            || error is any NIOHTTP2Error || error is CancellationError
        {
            // The client is gone: nobody reads this.
            return Refusal(.badRequest, "The request was cut off.")
        }
        // The type alone: a description may hold what a person wrote.
        logger.error(
            "http.failed",
            metadata: [
                "request": "\(request)", "route": "\(route)", "error": "\(type(of: error))",
                "code": "\(databaseCode(of: error))",
            ])
        return Refusal(.internal, "Request \(request) failed.")
    }
}

/// What becomes of a request that follows.
enum FollowAnswer: Sendable {
    case stream(HTTPResponse)
    case refusal(HTTPResponse, ByteBuffer)
}
