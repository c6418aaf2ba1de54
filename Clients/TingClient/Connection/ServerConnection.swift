// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import TingCore
import TingWire

/// HTTPS to one server, with one root and one token.
///
/// HTTP/1.1 on purpose: a sync is one exchange, and downloads run faster than over HTTP/2.
public final class ServerConnection: Sendable {
    public let server: ServerAddress
    /// How long a server may take to be reached, and then to begin its answer.
    public let timeout: Duration
    private let anchor: TrustAnchor
    private let token: String?
    private let proxy: ProxySettings?
    private let environment: [String: String]
    private let client: HTTPClient
    private let state = Mutex(State())
    private let configuration: HTTPClient.Configuration
    private let silence: Duration

    /// What changes while it is used.
    private struct State {
        /// For bodies in which silence is no failure: a quiet stream, a long download. Made when needed.
        var patientClient: HTTPClient?
        /// From then on nothing is made, and nothing asked.
        var isClosed = false
    }

    /// Connects when the first request is made.
    /// - Parameters:
    ///   - token: The device's token; `nil` for joining.
    ///   - silence: Silence within a stream or a download that is still no failure, where it is longer
    ///     than `timeout`. A comment comes every 40 s on a quiet stream.
    public init(
        _ server: ServerAddress, anchor: TrustAnchor, token: String?, timeout: Duration,
        silence: Duration = .seconds(60), environment: [String: String]
    ) throws {
        self.server = server
        self.anchor = anchor
        self.token = token
        self.timeout = timeout
        self.environment = environment
        proxy = try ProxySettings.forServer(server, environment: environment)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = try anchor.roots(environment: environment)
        tls.minimumTLSVersion = .tlsv12
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.proxy = proxy?.configuration
        configuration.timeout.connect = .nanoseconds(timeout.nanoseconds)
        configuration.timeout.read = .nanoseconds(timeout.nanoseconds)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.decompression = .disabled
        self.configuration = configuration
        self.silence = max(timeout, silence)
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    private func client(for request: Request) throws -> HTTPClient {
        try state.withLock { state in
            guard !state.isClosed else { throw ClientError.closed(server) }
            guard request.isLong else { return client }
            if let known = state.patientClient { return known }
            var configuration = configuration
            configuration.timeout.read = .nanoseconds(silence.nanoseconds)
            let made = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            state.patientClient = made
            return made
        }
    }

    /// Bytes a second that the slowest line carries; a request gets that much more time.
    private static let slowestLine = 4096

    public convenience init(
        _ signIn: SignIn, timeout: Duration, environment: [String: String]
    ) throws {
        try self.init(
            signIn.server, anchor: signIn.anchor, token: signIn.token, timeout: timeout,
            environment: environment)
    }

    /// Ends all connections, and the requests under way on them, and returns when they have ended. It waits
    /// for one that is still being made, up to `timeout`. What is asked afterwards fails, and does so for
    /// good: `connection_closed`.
    public func close() async {
        let patientClient = state.withLock { state in
            state.isClosed = true
            return state.patientClient
        }
        try? await client.shutdown()
        try? await patientClient?.shutdown()
    }

    /// Does something with the connection, and closes it, however that ends.
    /// - Throws: What `body` throws.
    public func use<T: Sendable>(
        _ body: (ServerConnection) async throws -> T
    ) async throws -> T {
        let result: T
        do { result = try await body(self) } catch {
            await close()
            throw error
        }
        await close()
        return result
    }

    // The library wants to be shut down; a second time is no harm.
    deinit {
        for client in [client, state.withLock { $0.patientClient }].compactMap({ $0 }) {
            client.shutdown { [client] _ in _ = client }
        }
    }

    /// Sends one request and gives the answer once its head is there and says success.
    /// - Throws: `ClientError`, or `CancellationError`.
    func send(_ request: Request) async throws -> HTTPClientResponse {
        var sent = HTTPClientRequest(url: server.url + request.path)
        sent.method = request.method
        for (name, value) in request.headers { sent.headers.replaceOrAdd(name: name, value: value) }
        if let token { sent.headers.replaceOrAdd(name: "Authorization", value: "Bearer \(token)") }
        var patience = TimeAmount.nanoseconds(timeout.nanoseconds)
        if let body = request.body {
            sent.body = .bytes(body, length: .known(Int64(body.count)))
            patience = patience + .seconds(Int64(body.count / Self.slowestLine))
        }
        let response: HTTPClientResponse
        do {
            response = try await client(for: request).execute(sent, deadline: .now() + patience)
        } catch {
            throw await explain(error)
        }
        guard (200..<300).contains(response.status.code) else {
            let failure = await failure(response)
            try Task.checkCancellation()
            throw failure
        }
        return response
    }

    /// Sends one request and gives the whole body, which has to be of the type asked for; `nil` where
    /// there is none (204).
    func body(_ request: Request, byteLimit: Int) async throws -> [UInt8]? {
        let response = try await send(request)
        if response.status == .noContent {
            // Until its end is read the connection serves nobody else.
            _ = try? await response.body.collect(upTo: 0)
            return nil
        }
        try expect(request.accepts, in: response)
        let bytes: [UInt8]
        do {
            bytes = Array(try await response.body.collect(upTo: byteLimit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw ClientError.foreignAnswer(server, "more bytes than Ting ever sends")
        } catch {
            throw await explain(error)
        }
        // A body that nobody waits for any more ends early.
        try Task.checkCancellation()
        return try unpacked(bytes, response.headers.first(name: "Content-Encoding"), byteLimit)
    }

    private func unpacked(_ bytes: [UInt8], _ coding: String?, _ limit: Int) throws -> [UInt8] {
        switch coding?.lowercased() {
        case nil, "identity": return bytes
        case Gzip.name:
            do {
                return try Gzip.unpack(bytes, limit: limit)
            } catch Gzip.Failure.tooLarge {
                throw ClientError.foreignAnswer(server, "more bytes than Ting ever sends")
            } catch {
                throw ClientError.foreignAnswer(server, "a body that is not the gzip it says")
            }
        default:
            throw ClientError.foreignAnswer(server, "a body in a coding that was not asked for")
        }
    }

    func expect(_ type: String, in response: HTTPClientResponse) throws {
        let found = response.headers.first(name: "Content-Type") ?? "no type"
        guard found.hasPrefix(type) else {
            let what =
                found.hasPrefix("text/html") ? "a web page" : "a body of type \(found.prefix(60))"
            throw ClientError.foreignAnswer(server, what)
        }
    }

    /// Turns what a library threw into what a person can read; `CancellationError` where the task was
    /// told to stop, since that says nothing of the server.
    func explain(_ error: any Error) async -> any Error {
        if error is ClientError || error is CancellationError { return error }
        if Task.isCancelled { return CancellationError() }
        let explained = await inPlainWords(error)
        return Task.isCancelled ? CancellationError() : explained
    }

    private func inPlainWords(_ error: any Error) async -> ClientError {
        // Whatever a library says of a request that was under way then.
        if state.withLock({ $0.isClosed }) { return .closed(server) }
        if let failure = ClientError(error, at: server, through: proxy) { return failure }
        let nameFailed = error as? NIOSSLExtraError == NIOSSLExtraError.failedToValidateHostname
        return await diagnosed(nameFailed: nameFailed)
    }

    private func diagnosed(nameFailed: Bool) async -> ClientError {
        let diagnosis = CertificateDiagnosis(
            probe: ServerProbe(server: server, proxy: proxy, timeout: timeout), anchor: anchor,
            environment: environment, now: Date())
        do {
            return try await diagnosis.explain(nameFailed: nameFailed)
        } catch {
            return error as? ClientError ?? .lost(server)
        }
    }

    private func failure(_ response: HTTPClientResponse) async -> ClientError {
        let status = Int(response.status.code)
        if let buffer = try? await response.body.collect(upTo: 64 << 10),
            let problem = try? JSONDecoder().decode(
                ProblemText.self, from: Data(buffer.readableBytesView))
        {
            var error = problem.error(status: status)
            error.retryAfter = response.headers.first(name: "Retry-After").flatMap(Self.wait)
            return error
        }
        let what = (300..<400).contains(status) ? "a redirect" : "status \(status) without a reason"
        return .foreignAnswer(server, what)
    }

    /// Reads `Retry-After`: seconds, at most as long as a client ever waits. Dates are not read, since
    /// clocks may differ.
    private static func wait(_ text: String) -> Duration? {
        guard let seconds = Int64(text), seconds >= 0 else { return nil }
        return min(.seconds(min(seconds, 86_400)), Backoff.longest)
    }
}

/// One HTTP request, before the library's types.
struct Request: Sendable {
    typealias Method = HTTPMethod

    var method: Method
    var path: String
    var headers: [(String, String)]
    var accepts: String
    var body: [UInt8]?
    /// Whether its answer's body may pause for longer than a server may take to answer.
    var isLong = false

    static let protobuf = "application/x-protobuf"

    init(
        _ method: Method, _ path: String, accepts: String = Request.protobuf, body: [UInt8]? = nil,
        headers: [(String, String)] = []
    ) {
        self.method = method
        self.path = path
        self.accepts = accepts
        self.headers = headers
        // Nothing said means protobuf, and an answer like the request: some 70 bytes of each exchange.
        guard let body else {
            self.headers.append(("Accept", accepts))
            return
        }
        let packed = Gzip.pack(body)
        if packed != nil { self.headers.append(("Content-Encoding", Gzip.name)) }
        self.body = packed ?? body
    }
}

/// A problem document (RFC 9457), as far as a client reads it.
private struct ProblemText: Decodable {
    var code: String
    var title: String?
    var detail: String?
    var remedy: String?

    func error(status: Int) -> ClientError {
        let scope: ClientError.Scope =
            switch status {
            case 408, 429, 500...: .transient
            default: .requestWide
            }
        return ClientError(
            scope, code: code, detail ?? title ?? "The server refused the request.",
            remedy: remedy ?? "Look the code up in the reference.", status: status)
    }
}
