// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import NIOPosix
import Synchronization
import TingCore
import TingStore

/// Threads for what blocks (SQLite, files), so that no event loop and no task waits for a disk.
final class Workers: Sendable {
    private typealias Job = @Sendable (_ isActive: Bool) -> Void

    private let pool: NIOThreadPool
    private let queue: Mutex<FairQueue<WorkspaceID, Job>>

    init(threads: Int) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
        queue = Mutex(FairQueue(threads: threads))
    }

    /// For requests: each waits for a disk, or for a lock of SQLite.
    static func forRequests() -> Workers {
        Workers(threads: max(8, ProcessInfo.processInfo.activeProcessorCount * 2))
    }

    /// For what takes long, as a snapshot: requests do not wait behind it.
    static func forCopies() -> Workers { Workers(threads: 2) }

    /// Runs on a thread of its own.
    /// - Parameter workspace: What it works on: one workspace's load does not delay another's.
    func run<T: Sendable>(
        for workspace: WorkspaceID? = nil, _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let job: Job = { isActive in
                continuation.resume(
                    with: isActive ? Result { try body() } : .failure(CancellationError()))
            }
            queue.withLock { $0.add(job, of: workspace) }
            start()
        }
    }

    func stop() async { try? await pool.shutdownGracefully() }

    /// Gives every free thread what it may work on.
    private func start() {
        while let (job, workspace) = queue.withLock({ $0.next() }) {
            pool.submit { [self] state in
                let isActive = state == .active
                job(isActive)
                queue.withLock { $0.ended(workspace) }
                if isActive { start() } else { cancelAll() }
            }
        }
    }

    /// Ends what waits: there are no threads any more.
    private func cancelAll() {
        while let (job, workspace) = queue.withLock({ $0.next() }) {
            job(false)
            queue.withLock { $0.ended(workspace) }
        }
    }
}

/// Whether an error means that the disk is full: writes wait until there is room, reads go on.
func isStorageFull(_ error: any Error) -> Bool {
    if let error = error as? DatabaseError {
        // Growing the shared memory of the write-ahead log fails in its own way.
        return error.resultCode == .SQLITE_FULL
            || error.extendedResultCode == .SQLITE_IOERR_SHMSIZE
    }
    if let error = error as? FileFailure { return error.code == ENOSPC || error.code == EDQUOT }
    if let error = error as? CocoaError { return error.code == .fileWriteOutOfSpace }
    if let error = error as? POSIXError { return error.code == .ENOSPC || error.code == .EDQUOT }
    return false
}

/// Whether an error means that another process holds a file for longer than we wait.
func isBusy(_ error: any Error) -> Bool {
    guard let code = (error as? DatabaseError)?.resultCode else { return false }
    return code == .SQLITE_BUSY || code == .SQLITE_LOCKED
}

/// Whether an error means that a workspace's file is missing, damaged, or not to be opened.
func isUnreadable(_ error: any Error) -> Bool {
    if isStorageFull(error) || isBusy(error) { return false }
    if error is WorkspaceError || error is StoredFormError || error is SchemaError { return true }
    if case ReplicaError.damaged = error { return true }
    if error is CBORError { return true }
    switch (error as? DatabaseError)?.resultCode {
    case .SQLITE_NOTADB, .SQLITE_CORRUPT, .SQLITE_CANTOPEN, .SQLITE_IOERR, .SQLITE_PERM: return true
    default: return false
    }
}

/// SQLite's code for an error, or nothing: what a log may say of it.
func databaseCode(of error: any Error) -> String {
    (error as? DatabaseError).map { String($0.extendedResultCode.rawValue) } ?? ""
}
