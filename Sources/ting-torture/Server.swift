// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TingClient

/// The real `tingd` in a folder of its own, which may be killed and started again on the same port.
final class Server: Sendable {
    let data: String
    /// What its files of this program's begin with.
    private let scratch: String
    let programs: Programs
    /// Where it listens, as a name in its certificate.
    let host: String
    let wrapper: Mutex<[String]>
    private let state = Mutex(State())

    private struct State {
        var child: Child?
        var port = 0
        var starts: [Duration] = []
    }

    /// Makes the data folder; `start` serves it.
    /// - Parameter words: What stands before the program when it serves: another clock or network.
    init(_ programs: Programs, data: String, host: String, words: [String] = []) throws {
        self.programs = programs
        self.data = data
        self.host = host
        // Beside the folder that a scenario may fill, or make read-only.
        scratch =
            ((data as NSString).deletingLastPathComponent as NSString).deletingLastPathComponent
            + "/tingd"
        wrapper = Mutex(words)
        try FileManager.default.createDirectory(
            atPath: (data as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        let made = try run(["init", "--data", data, "--host", host, "--host", "localhost"])
        guard made.succeeded else { throw Trouble("tingd init failed: \(made.complaint)") }
    }

    deinit { state.withLock { $0.child }?.signal(SIGKILL) }

    /// What it has said on standard error since its last start.
    var log: String { Programs.text(scratch + ".log") }

    var port: Int { state.withLock { $0.port } }
    var url: String { "https://\(host):\(port)" }

    /// Each time from the start of the process to its first answer, the very first apart.
    var restarts: [Duration] { Array(state.withLock { $0.starts }.dropFirst()) }

    /// Serves, and returns when a request was answered.
    func start() throws {
        let began = ContinuousClock.now
        let child = try launch()
        if port == 0 { try learnPort(child, until: began + .seconds(20)) }
        try awaitAnswer(child, until: began + .seconds(30))
        state.withLock { $0.starts.append(ContinuousClock.now - began) }
    }

    private func launch() throws -> Child {
        let words =
            wrapper.withLock { $0 } + [
                programs.path("tingd"), "serve", "--data", data, "--listen", "\(host):\(port)",
                "--log-level", "error",
            ]
        let child = try Child(
            words[0], Array(words.dropFirst()), environment: Self.environment,
            output: scratch + ".ready", errors: scratch + ".log")
        state.withLock { $0.child = child }
        return child
    }

    /// Serves, though nobody may get an answer; returns when it says that it is ready, or has ended.
    func startUnheard() throws {
        let child = try launch()
        for _ in 0..<2_000 where child.isRunning {
            if Programs.text(scratch + ".ready").hasSuffix("\n") { return }
            Thread.sleep(forTimeInterval: 0.01)
        }
    }

    /// Ends it by a signal, and waits until it has ended.
    func stop(_ signal: Int32 = SIGTERM) -> Child.Ending? {
        guard let child = state.withLock({ $0.child }) else { return nil }
        child.signal(signal)
        let ending = child.wait()
        state.withLock { $0.child = nil }
        return ending
    }

    private func learnPort(_ child: Child, until end: ContinuousClock.Instant) throws {
        while ContinuousClock.now < end, child.isRunning {
            let line = Programs.text(scratch + ".ready")
            if line.hasSuffix("\n"),
                let port = line.split(separator: ":").last.flatMap({
                    Int($0.dropLast())
                })
            {
                return state.withLock { $0.port = port }
            }
            Thread.sleep(forTimeInterval: 0.005)
        }
        throw Trouble("tingd did not say that it is ready: \(log)")
    }

    /// Asks, over TLS, until there is an answer; who asks has no token, so the answer is 401.
    private func awaitAnswer(_ child: Child, until end: ContinuousClock.Instant) throws {
        let connection = try connection(token: nil, timeout: .seconds(5))
        defer { blocking { await connection.close() } }
        while ContinuousClock.now < end {
            let error = blocking { () -> ClientError? in
                do {
                    _ = try await connection.workspaces()
                    return nil
                } catch { return error as? ClientError }
            }
            if error?.status != nil { return }
            guard child.isRunning else { break }
            Thread.sleep(forTimeInterval: 0.002)
        }
        throw Trouble("tingd gave no answer: \(log)")
    }

    /// A connection of this program's own, by way of a proxy on `port` where one is given.
    func connection(
        token: String?, timeout: Duration, port: Int? = nil
    ) throws -> ServerConnection {
        try ServerConnection(
            ServerAddress(host: port == nil ? host : "127.0.0.1", port: port ?? self.port),
            anchor: .authority(pem: Programs.text(data + "/tls/ca.pem")), token: token,
            timeout: timeout, silence: timeout, environment: [:])
    }

    // MARK: Operator's commands

    private static let environment = Programs.environment(home: "/nonexistent")

    @discardableResult
    func run(_ arguments: [String], wrapper: [String] = []) throws -> Programs.Result {
        try programs.run(
            "tingd", arguments, environment: Self.environment, scratch: scratch + ".operator",
            wrapper: wrapper)
    }

    /// A join address.
    func invite(_ name: String, to workspace: String) throws -> String {
        let invited = try run([
            "invite", "--data", data, "--name", name.capitalized, "--email",
            "\(name)@example.org", "--workspace", workspace, "--role", "editor", "--url", url,
        ])
        guard invited.succeeded, let line = invited.output.split(separator: "\n").last else {
            throw Trouble("tingd invite failed: \(invited.complaint)")
        }
        return String(line)
    }

    /// Head, epoch and digest of the one workspace.
    func head() throws -> Head {
        let status = try run(["status", "--data", data, "--json"])
        let workspaces = status.object["workspaces"] as? [[String: Any]] ?? []
        guard let first = workspaces.first, let version = first["head"] as? Int,
            let epoch = first["epoch"] as? String, let digest = first["digest"] as? String
        else { throw Trouble("tingd status failed: \(status.complaint)") }
        return Head(version: version, epoch: epoch, digest: digest)
    }
}

/// Where a replica or a server stands.
struct Head: Equatable, Sendable, CustomStringConvertible {
    var version: Int
    var epoch: String
    var digest: String

    var description: String { "version \(version), epoch \(epoch), digest \(digest.prefix(12))…" }
}

/// Waits on this thread for what needs the network; never called from a task.
func blocking<T: Sendable>(_ body: @escaping @Sendable () async -> T) -> T {
    let done = DispatchSemaphore(value: 0)
    let result = Mutex<T?>(nil)
    Task.detached {
        let value = await body()
        result.withLock { $0 = value }
        done.signal()
    }
    while true {
        done.wait()
        if let value = result.withLock({ $0 }) { return value }
    }
}

/// As `blocking`, for what may fail.
func blockingThrowing<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) throws -> T {
    try blocking { () -> Result<T, any Error> in
        do { return .success(try await body()) } catch { return .failure(error) }
    }.get()
}
