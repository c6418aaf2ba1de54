// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import TingStore

@testable import TingServer

extension ServerTests {
    @Suite("Whether a server is ready", .timeLimit(.minutes(1)))
    struct ReadinessTests {
        @Test("it is not while its disk is full, and is again when there is room")
        func fullDisk() async throws {
            guard geteuid() == 0 else { try Test.cancel("Only root mounts a small disk.") }
            let disk = TestFolder.new()
            try FileManager.default.createDirectory(
                atPath: disk, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: disk) }
            let mounted = try await Program.run([
                "mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk,
            ])
            guard mounted.code == 0 else { try Test.cancel("No small disk can be mounted.") }
            do {
                try await story(disk)
            } catch {
                _ = try? await Program.run(["umount", "-l", disk])
                throw error
            }
            _ = try await Program.run(["umount", "-l", disk])
        }

        private func story(_ disk: String) async throws {
            let path = "\(disk)/server"
            try #require(try await Program.tingd("init", "--data", path).code == 0)
            let server = try await ServerProcess(path: path)
            func answer() async throws -> String {
                try await server.curl("-w", " %{http_code}", "\(server.url)/readyz").output
            }
            #expect(try await answer() == "ready\n 200")
            let ballast = "\(disk)/ballast"
            let file = open(ballast, O_WRONLY | O_CREAT, 0o600)
            for size in [1 << 20, 4_096, 1] {
                let block = [UInt8](repeating: 7, count: size)
                while write(file, block, size) == size {}
            }
            close(file)
            // What was seen a second ago counts until then.
            while try await answer().hasSuffix("200") {
                try await Task.sleep(for: .milliseconds(100))
            }
            let told = try await answer()
            #expect(told.hasSuffix("503") && told.contains("The server's disk is full."), "\(told)")
            try FileManager.default.removeItem(atPath: ballast)
            while try await !answer().hasSuffix("200") {
                try await Task.sleep(for: .milliseconds(100))
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: path)
            #expect(!names.contains { $0.contains("probe") })
            server.signal(SIGTERM)
            #expect(await server.end() == 0)
        }

        @Test("it is not while its disk has not answered for long, whatever it answered before")
        func stalled() throws {
            let probes = Mutex<[DiskProbe]>([])
            let isStalled = Mutex(false)
            // Another asks while the first one looks.
            let probe = DiskProbe(interval: .zero, patience: .zero) { path in
                let told = #expect(throws: DiskProbe.Stalled.self) {
                    for probe in probes.withLock({ $0 }) { try probe.check(path) }
                }
                isStalled.withLock { $0 = told != nil }
                return nil
            }
            probes.withLock { $0 = [probe] }
            try probe.check("nowhere")
            #expect(isStalled.withLock { $0 })
            probes.withLock { $0 = [] }
        }

        @Test("the disk is looked at once in an interval, however many ask")
        func interval() throws {
            let folder = TestFolder.new()
            let path = "\(folder)/probe"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let (seldom, always) = (DiskProbe(interval: .seconds(60)), DiskProbe(interval: .zero))
            for probe in [seldom, always] { try probe.check(path) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            try FileManager.default.removeItem(atPath: folder)
            try seldom.check(path)
            #expect(throws: FileFailure.self) { try always.check(path) }
        }
    }
}
