// SPDX-License-Identifier: Apache-2.0

import CSimulatedDisk

/// The one disk in memory that SQLite can have in a process, with faults that are asked for and
/// that repeat.
///
/// Files are named `machine/path`. The same calls in the same order give the same bytes: after
/// `reset(seed:)`, use it from one thread at a time for that. `CSimulatedDisk.h` says what each
/// fault does.
package enum SimulatedDisk {
    /// The name of the VFS.
    package static let name = "ting-disk"

    /// Gives SQLite the disk.
    /// - Parameter asDefault: Every database of the process is opened on it from now on, and
    ///   SQLite's time and randomness come from it. Otherwise only what is opened by `uri(_:)`,
    ///   and SQLite's randomness stays its own.
    package static func install(asDefault: Bool) throws(SimulatedDiskError) {
        try check(ting_disk_install(asDefault ? 1 : 0))
    }

    /// Forgets all files and machines; all randomness starts again from `seed`.
    package static func reset(seed: UInt64) { ting_disk_reset(seed) }

    /// Starts all randomness again from `seed`, and leaves the files as they are.
    package static func seed(_ seed: UInt64) { ting_disk_seed(seed) }

    /// Sets SQLite's clock, in milliseconds since 1970. It stands still otherwise.
    package static func setTime(_ milliseconds: Int64) { ting_disk_set_time(milliseconds) }

    /// How to open a file of the disk when it isn't the default one.
    package static func uri(_ file: String) -> String { "file:\(file)?vfs=\(name)" }

    // MARK: Files

    /// Copies a file with its -wal and -journal, as it is seen now; what was there is replaced.
    package static func copy(_ file: String, to copy: String) throws(SimulatedDiskError) {
        try check(ting_disk_copy(file, copy))
    }

    /// Gives a file another name on its machine, for good.
    package static func rename(_ file: String, to name: String) throws(SimulatedDiskError) {
        try check(ting_disk_rename(file, name))
    }

    package static func exists(_ file: String) -> Bool { ting_disk_exists(file) != 0 }

    /// Deletes one file for good.
    package static func delete(_ file: String) throws(SimulatedDiskError) {
        try check(ting_disk_delete(file))
    }

    /// Bytes.
    package static func size(of file: String) -> Int64? {
        let size = ting_disk_size(file)
        return size < 0 ? nil : size
    }

    /// Bit rot: turns one bit.
    package static func flip(bit: Int64, of file: String) throws(SimulatedDiskError) {
        try check(ting_disk_flip(file, bit))
    }

    /// Bit rot: a part of the file reads as zeros.
    package static func zero(_ bytes: Range<Int64>, of file: String) throws(SimulatedDiskError) {
        try check(ting_disk_zero(file, bytes.lowerBound, bytes.upperBound - bytes.lowerBound))
    }

    /// Bit rot: the file ends after so many bytes.
    package static func cut(_ file: String, to size: Int64) throws(SimulatedDiskError) {
        try check(ting_disk_cut(file, size))
    }

    /// Equal for two files when their bytes are; `nil` without such a file.
    package static func hash(of file: String) -> UInt64? {
        let hash = ting_disk_hash(file)
        return hash == 0 ? nil : hash
    }

    fileprivate static func check(_ code: Int32) throws(SimulatedDiskError) {
        guard code == 0 else { throw SimulatedDiskError(code: code) }
    }
}

/// A machine whose files are on the simulated disk, and what can befall it.
package struct SimulatedMachine: Hashable, Sendable {
    package let name: String

    package init(_ name: String) { self.name = name }

    /// The full name of one of its files.
    package func file(_ path: String) -> String { "\(name)/\(path)" }

    /// How many calls that can fail its disk has had: open, read, write, truncate, sync, delete
    /// and shm map.
    package var calls: Int64 { ting_disk_calls(name) }

    /// The sum of its file sizes.
    package var used: Int64 { ting_disk_used(name) }

    /// Lets a call fail that is to come.
    /// - Parameters:
    ///   - call: 1 is the next.
    ///   - code: A result code of SQLite; a plain SQLITE_IOERR becomes the call's own. A full disk
    ///     waits for a write, and SQLITE_CANTOPEN for an open.
    ///   - times: How many calls fail from there.
    package func fail(call: Int64, code: Int32, times: Int32 = 1) {
        ting_disk_fail(name, call, code, times)
    }

    /// Whether a call that was, by its number, could have met a failure of this code; with 0,
    /// whether it changed the disk: a power cut before it is another than one after it.
    package func couldFail(call: Int64, code: Int32) -> Bool {
        ting_disk_would_meet(name, call, code) != 0
    }

    /// Deletes all of its files for good; who has one open keeps it.
    package func clear() { ting_disk_clear(name) }

    /// How many ordered failures have not happened yet.
    package var failuresLeft: Int32 { ting_disk_failures_left(name) }

    /// Kills its processes at a call to come (1 is the next): from then on nothing reaches the
    /// disk until `revive()`. Nothing that reached it is lost.
    package func kill(atCall call: Int64) { ting_disk_kill(name, call) }

    package var isKilled: Bool { ting_disk_is_killed(name) != 0 }

    /// Ends a kill, and takes back ordered failures.
    package func revive() { ting_disk_revive(name) }

    /// Keeps what was synced and, by `seed`, none, all, the first part or any sectors of the rest.
    /// - Throws: SQLITE_BUSY while a connection is open.
    package func cutPower(seed: UInt64) throws(SimulatedDiskError) {
        try SimulatedDisk.check(ting_disk_power_cut(name, seed))
    }

    /// - Parameter bytes: The most that its files may have together; `nil` for no limit.
    package func setCapacity(_ bytes: Int64?) { ting_disk_set_capacity(name, bytes ?? -1) }

    /// A planted bug: its disk says that it synced, and did not.
    package func ignoreSync(_ on: Bool) { ting_disk_ignore_sync(name, on ? 1 : 0) }
}

/// A result code of SQLite.
package struct SimulatedDiskError: Error, Equatable {
    package var code: Int32

    package init(code: Int32) { self.code = code }
}
