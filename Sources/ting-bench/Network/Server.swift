// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingCore
import TingLink

/// A `tingd` of its own, as it is shipped: another process, with its own folder, CA and port.
final class Server {
    let folder: String
    private let program: Program
    private(set) var process: pid_t = 0
    private(set) var address: ServerAddress
    private let line: Link?

    /// - Parameter line: The line at whose far end it serves; on the loopback without one.
    init(programs: String, at line: Link? = nil) throws {
        folder = Scratch.file("server")
        program = Program(path: programs + "/tingd")
        self.line = line
        address = ServerAddress(host: line?.farAddress ?? "127.0.0.1", port: 0)
        try program.run(["init", "--data", folder, "--host", address.host])
        try start()
    }

    var certificate: String { folder + "/tls/server.pem" }
    var key: String { folder + "/tls/server.key" }
    var authority: String { folder + "/tls/ca.pem" }

    /// Starts to serve; returns when it accepts connections.
    func start() throws {
        let output = Scratch.file("tingd-output")
        let words = ["serve", "--data", folder, "--listen", "\(address.host):0"]
        if let line {
            let ip = try Program.system("ip", in: ["/usr/sbin", "/sbin"])
            process = try ip.spawn(
                Array(line.command([program.path] + words).dropFirst()), output: output)
        } else {
            process = try program.spawn(words, output: output)
        }
        let mark = "ready on "
        for _ in 0..<500 {
            let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
            if let found = text.range(of: mark), text.hasSuffix("\n"),
                let address = ServerAddress(
                    text[found.upperBound...].trimmingCharacters(in: .whitespacesAndNewlines))
            {
                self.address = address
                return
            }
            usleep(20_000)
        }
        throw BenchError("tingd did not become ready")
    }

    func stop() {
        guard process != 0 else { return }
        kill(process, SIGTERM)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        process = 0
    }

    /// A join address for one more device of a member.
    func invite(_ email: String, to slug: String, role: Role) throws -> JoinAddress {
        let output = try program.output([
            "invite", "--data", folder, "--name", email, "--email", email, "--workspace", slug,
            "--role", role.rawValue,
        ])
        guard let last = output.split(separator: "\n").last, let address = JoinAddress(last) else {
            throw BenchError("tingd gave no join address")
        }
        return address
    }

    /// Memory of the process, in KiB.
    func memory() throws -> Int { try Self.memory(of: process) }

    /// - Parameter line: `VmRSS:` for what it has now, `VmHWM:` for the most that it had.
    static func memory(of process: pid_t, _ line: String = "VmRSS:") throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let found = text.split(separator: "\n").first { $0.hasPrefix(line) }
        guard let number = found?.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) })
        else { throw BenchError("the memory of process \(process) can't be read") }
        return number
    }

    /// Seconds of a core that the process has used, all threads together.
    func processorSeconds() throws -> Double {
        let folder = "/proc/\(process)/task"
        let threads = try FileManager.default.contentsOfDirectory(atPath: folder)
        return threads.reduce(0) { sum, thread in
            let text = try? String(contentsOfFile: "\(folder)/\(thread)/schedstat", encoding: .utf8)
            // Nanoseconds on a core come first.
            return sum + (text?.split(separator: " ").first.flatMap { Double($0) } ?? 0) / 1e9
        }
    }
}

/// A device that has joined: its folder for `ting`, and its sign-in.
struct Seat {
    let home: ClientHome
    let folder: String
    let token: String
    let member: MemberID
    let anchor: TrustAnchor
    let server: ServerAddress

    init(_ address: JoinAddress) async throws {
        folder = Scratch.file("home")
        home = ClientHome(configurationFolder: folder, dataFolder: folder)
        let joined = try await home.join(
            address, device: "bench", authorityFile: nil, schema: PlanningRecords.schema.version,
            timeout: .seconds(20), environment: [:])
        guard let member = MemberID(joined.member), let authority = joined.authority else {
            throw BenchError("joining gave no member")
        }
        token = joined.token
        self.member = member
        anchor = .authority(pem: authority)
        server = joined.server
    }

    /// A new connection to the server, or to a proxy before it.
    func connection(through port: Int? = nil) throws -> ServerConnection {
        try ServerConnection(
            ServerAddress(host: server.host, port: port ?? server.port), anchor: anchor,
            token: token, timeout: .seconds(60), environment: [:])
    }
}
