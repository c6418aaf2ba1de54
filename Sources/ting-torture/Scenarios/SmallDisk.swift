// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A small file system of its own, which can be filled, emptied and made read-only.
final class SmallDisk: Sendable {
    let path: String

    /// Mounts it at a new folder.
    /// - Throws: `Skipped` where this may not be done.
    init(at path: String, megabytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard geteuid() == 0 else { throw Skipped(reason: "only root may mount a file system") }
        try Self.run(
            "mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path])
    }

    private static func run(_ program: String, _ words: [String]) throws {
        let child = try Child(
            program, words, environment: Programs.environment(home: "/nonexistent"),
            output: "/dev/null", errors: "/dev/null")
        guard child.wait() == .exited(0) else {
            throw Skipped(reason: "`\(program) \(words.joined(separator: " "))` failed")
        }
    }

    /// Also removes the world's folder, which could not go while this was mounted in it.
    func unmount() {
        try? Self.run("umount", ["-l", path])
        try? FileManager.default.removeItem(
            atPath: (path as NSString).deletingLastPathComponent)
    }

    func makeReadOnly(_ isReadOnly: Bool) throws {
        try Self.run("mount", ["-o", "remount,\(isReadOnly ? "ro" : "rw")", path])
    }

    private var ballast: String { path + "/ballast" }

    /// Takes all that is left, to the byte.
    func fill() {
        let file = open(ballast, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(file) }
        for size in [1 << 20, 4_096, 1] {
            let block = [UInt8](repeating: 7, count: size)
            while write(file, block, size) == size {}
        }
    }

    func free() { unlink(ballast) }
}

extension Scenario {
    static let fullReplica = Scenario(
        name: "full-replica", about: "the disk with the replica is full, again and again"
    ) { stage in
        var disk: SmallDisk?
        defer { disk?.unmount() }
        let world = try World(stage.programs, members: ["anna", "bo"]) { folder in
            disk = try SmallDisk(at: folder + "/anna", megabytes: 2)
        }
        defer { world.close() }
        guard let disk else { return }
        let (anna, bo) = (world.members[0], world.members[1])
        for _ in 0..<3 {
            disk.fill()
            try editUntilFull(&stage, anna, world)
            stage.expectSuccess(try anna.ting(["list", "project"]), of: "ting list, disk full")
            stage.expectSuccess(try stage.edit(bo, world, project: 1), of: "ting set of bo")
            stage.expectSuccess(try bo.ting(["sync"]), of: "ting sync of bo")
            // What comes finds no room, and says so; what waits may or may not fit.
            let synced = try anna.ting(["sync", "--timeout", "5"])
            if !synced.succeeded {
                stage.expectFailure(
                    synced, of: "ting sync, disk full", exit: 1, codes: ["storage_full"])
            }
            disk.free()
            stage.expectSuccess(try stage.edit(anna, world), of: "ting set, with room again")
            stage.expectSuccess(try anna.ting(["sync"]), of: "ting sync, with room again")
        }
        try stage.judge(world)
    }

    /// Edits until one is refused for the lack of room: SQLite's log may have some left.
    private static func editUntilFull(
        _ stage: inout Stage, _ member: Member, _ world: World
    ) throws {
        for _ in 0..<400 {
            let edited = try stage.edit(member, world)
            guard !edited.succeeded else { continue }
            return stage.expectFailure(
                edited, of: "ting set, disk full", exit: 1, codes: ["storage_full"])
        }
        stage.expect(false, "a full disk took 400 edits")
    }

    static let fullServer = Scenario(
        name: "full-server", about: "the server's disk is full, and the server is killed on it"
    ) { stage in
        var disk: SmallDisk?
        defer { disk?.unmount() }
        let world = try World(stage.programs, members: ["anna", "bo"]) { folder in
            disk = try SmallDisk(at: folder + "/server", megabytes: 8)
        }
        defer { world.close() }
        guard let disk else { return }
        let (anna, bo) = (world.members[0], world.members[1])
        for round in 0..<3 {
            disk.fill()
            var refused: Programs.Result?
            for _ in 0..<400 where refused == nil {
                stage.expectSuccess(try stage.edit(anna, world), of: "ting set, server full")
                let synced = try anna.ting(["sync", "--timeout", "2"])
                if !synced.succeeded { refused = synced }
            }
            stage.expect(refused != nil, "a full server took 400 syncs")
            if let refused {
                stage.expectFailure(
                    refused, of: "ting sync, server full", exit: 1, codes: ["storage_full"])
            }
            stage.expectSuccess(try bo.ting(["sync"]), of: "a sync that only reads, server full")
            if round == 1 {
                _ = world.server.stop(SIGKILL)
                try world.server.start()
                stage.expectSuccess(
                    try bo.ting(["sync"]), of: "a sync that only reads, server killed while full")
            }
            disk.free()
            stage.expectSuccess(try anna.ting(["sync"]), of: "ting sync, with room again")
        }
        try stage.judge(world)
    }

    static let readOnly = Scenario(
        name: "read-only", about: "the disk with the replica turns read-only, then the server's"
    ) { stage in
        var disks: [SmallDisk] = []
        defer { for disk in disks { disk.unmount() } }
        let world = try World(stage.programs, members: ["anna", "bo"]) { folder in
            for name in ["anna", "server"] {
                disks.append(try SmallDisk(at: "\(folder)/\(name)", megabytes: 8))
            }
        }
        defer { world.close() }
        let anna = world.members[0]
        stage.expectSuccess(try stage.edit(anna, world), of: "ting set")
        try disks[0].makeReadOnly(true)
        let (codes, exit) = (["not_writable", "home_unusable"], Int32(1))
        stage.expectFailure(
            try stage.edit(anna, world), of: "ting set, read-only", exit: exit, codes: codes)
        stage.expectFailure(
            try anna.ting(["sync"]), of: "ting sync, read-only", exit: exit, codes: codes)
        for words in [["list", "project"], ["status"], ["log"]] {
            stage.expectSuccess(try anna.ting(words), of: "ting \(words[0]), read-only")
        }
        try disks[0].makeReadOnly(false)
        stage.expectSuccess(try anna.ting(["sync"]), of: "ting sync, writable again")
        _ = world.server.stop()
        try disks[1].makeReadOnly(true)
        let served = try world.server.run([
            "serve", "--data", world.server.data, "--listen", "127.0.0.1:0",
        ])
        stage.expect(
            served.ending == .exited(1) && served.errors.contains("tingd: "),
            "tingd serve on a read-only disk should say so and exit with 1: \(served.complaint)")
        try disks[1].makeReadOnly(false)
        try world.server.start()
        try stage.judge(world)
    }
}
