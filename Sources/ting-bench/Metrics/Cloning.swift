// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingCore
import TingStore

/// P3: `ting clone` to the first query on the replica, each block of it verified, to `curl -o` of the same bytes.
struct Cloning: Metric {
    static let name = "P3"
    static let about = "ting clone, HTTP/1.1, chunks of 256 KiB"

    func run(_ bench: Bench) async throws -> Result {
        let served = try await bench.served()
        let ting = Program(
            path: bench.options.programs + "/ting",
            environment: ["TING_HOME": served.reader.folder])
        let url =
            "\(served.server.address.url)/v1/workspaces/\(ServedWorkspace.slug)/snapshot"
        let curl = try Program.system("curl")
        let download = Scratch.file("download")
        defer { unlink(download) }
        let arguments = [
            "-sf", "--http1.1", "--cacert", served.server.authority, "-H",
            "Authorization: Bearer \(served.reader.token)", "-o", download, url,
        ]
        try curl.run(arguments)
        let bytes = try size(download)
        let clone = try await bench.pairs.measure(
            "clone and first query", .rate(of: bytes, unit: "bytes/s"),
            ours: { _ in
                let path = Scratch.file("clone")
                defer { Scratch.remove(path) }
                let time = try ting.run(
                    ["clone", ServedWorkspace.slug, "--quiet", "--to", path]
                ).seconds
                let query = ["list", "project", "--limit", "1", "--replica", path]
                return try time + ting.run(query).seconds
            },
            limit: { _ in try curl.run(arguments).seconds })
        let resumed = try await resume(bench, served, bytes)
        let digest = try await digest(bench, served, cloneSeconds: Double(bytes) / clone.ours)
        return Result(Self.name, [clone, resumed, digest], decisive: clone)
    }

    /// The state digest that a new replica computes from its records, beside the time of a clone.
    private func digest(_ bench: Bench, _ served: ServedWorkspace, cloneSeconds: Double)
        async throws -> Part
    {
        let path = try await served.readerFile()
        defer { Scratch.remove(path) }
        let replica = try Replica.open(path)
        defer { try? replica.close() }
        let times = try (0..<bench.options.pairs).map { _ in
            (ours: try seconds { _ = try replica.stateDigest() }, limit: cloneSeconds)
        }
        return Pairs.part("own state digest, to the clone's time", .cost(unit: "s"), times)
    }

    /// What a clone that was killed at half of the bytes asks for a second time.
    private func resume(_ bench: Bench, _ served: ServedWorkspace, _ bytes: Int) async throws
        -> Part
    {
        let proxy = try await Proxy(to: served.server.address.port)
        var address = try served.server.invite(
            "mover@example.org", to: ServedWorkspace.slug, role: .editor)
        address = JoinAddress(
            server: ServerAddress(host: "127.0.0.1", port: proxy.port), code: address.code,
            trust: address.trust)
        let seat = try await Seat(address)
        let ting = Program(
            path: bench.options.programs + "/ting", environment: ["TING_HOME": seat.folder])
        var pairs: [(ours: Double, limit: Double)] = []
        for _ in 0..<bench.options.pairs {
            let path = Scratch.file("resumed")
            defer { Scratch.remove(path) }
            let arguments = ["clone", ServedWorkspace.slug, "--quiet", "--to", path]
            let process = try ting.spawn(arguments)
            while (try? size(path + ".partial")) ?? 0 < bytes / 2 { usleep(200) }
            kill(process, SIGKILL)
            var status: Int32 = 0
            waitpid(process, &status, 0)
            // A fast disk may have had it whole before the signal came.
            guard let kept = try? size(path + ".partial") else { continue }
            let before = proxy.count
            try ting.run(arguments)
            let again = proxy.count - before - (bytes - kept)
            pairs.append((Double(max(again, 1)), Double(bytes) / 100))
        }
        await proxy.close()
        return Pairs.part(
            "sent again after a kill at half (limit: 1 %)", .cost(unit: "bytes"), pairs)
    }

    private func size(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return attributes[.size] as? Int ?? 0
    }
}
