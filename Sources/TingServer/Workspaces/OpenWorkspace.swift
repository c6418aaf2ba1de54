// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore

/// One open workspace: its file, its one writer, and its readers.
///
/// What arrives while a transaction is written waits for the next one, together: many change
/// sets, one fsync.
actor OpenWorkspace {
    nonisolated let id: WorkspaceID
    nonisolated let file: Workspace
    private let workers: Workers
    private let now: @Sendable () -> Int64
    /// Told, in the order of versions, what each transaction has added.
    private let announce: @Sendable (OpenWorkspace, ClosedRange<Version>) async -> Void
    private var waiting: [Waiting] = []
    private var isWriting = false
    private var closers: [CheckedContinuation<Void, Never>] = []

    private struct Waiting: Sendable {
        let submission: Workspace.Submission
        let continuation: CheckedContinuation<Workspace.Judgement, any Error>
    }

    init(
        id: WorkspaceID, file: Workspace, workers: Workers, now: @escaping @Sendable () -> Int64,
        announce: @escaping @Sendable (OpenWorkspace, ClosedRange<Version>) async -> Void
    ) {
        self.id = id
        self.file = file
        self.workers = workers
        self.now = now
        self.announce = announce
    }

    /// Has deliveries judged. Returns when the judgement is on disk.
    func accept(_ submission: Workspace.Submission) async throws -> Workspace.Judgement {
        // Nothing to write: nothing to wait for.
        if submission.request.deliveries.isEmpty { return Workspace.Judgement() }
        return try await withCheckedThrowingContinuation { continuation in
            waiting.append(Waiting(submission: submission, continuation: continuation))
            guard !isWriting else { return }
            isWriting = true
            Task { await write() }
        }
    }

    /// Reads on a thread of its own, beside the writer.
    nonisolated func read<T: Sendable>(
        _ body: @escaping @Sendable (Workspace) throws -> T
    ) async throws -> T {
        try await workers.run { [file] in try body(file) }
    }

    /// Closes the file once everyone has been told of what was written.
    func close() async throws {
        if isWriting { await withCheckedContinuation { closers.append($0) } }
        try await workers.run { [file] in try file.close() }
    }

    private func write() async {
        while !waiting.isEmpty {
            let batch = takeBatch()
            do {
                try await finish(batch, judgements(of: batch))
            } catch  where batch.count > 1 && !isStorageFull(error) {
                // One of them can't be judged at all: it alone shall fail.
                for single in batch { await writeAlone(single) }
            } catch {
                for one in batch { one.continuation.resume(throwing: error) }
            }
        }
        isWriting = false
        for closer in closers { closer.resume() }
        closers = []
    }

    private func writeAlone(_ single: Waiting) async {
        do {
            try await finish([single], judgements(of: [single]))
        } catch {
            single.continuation.resume(throwing: error)
        }
    }

    /// As much as one transaction should hold: it keeps later ones waiting.
    private func takeBatch() -> [Waiting] {
        var deliveries = 0
        let end =
            waiting.firstIndex { one in
                deliveries += one.submission.request.deliveries.count
                return deliveries > Limits.deliveryLimit
            } ?? waiting.count
        let batch = Array(waiting.prefix(max(1, end)))
        waiting.removeFirst(batch.count)
        return batch
    }

    private func judgements(of batch: [Waiting]) async throws -> [Workspace.Judgement] {
        let submissions = batch.map(\.submission)
        return try await workers.run { [file, now] in try file.accept(submissions, now: now()) }
    }

    private func finish(_ batch: [Waiting], _ judgements: [Workspace.Judgement]) async {
        for (one, judgement) in zip(batch, judgements) {
            one.continuation.resume(returning: judgement)
        }
        let appended = judgements.compactMap(\.appended)
        guard let first = appended.map(\.lowerBound).min(),
            let last = appended.map(\.upperBound).max()
        else { return }
        await announce(self, first...last)
    }
}
