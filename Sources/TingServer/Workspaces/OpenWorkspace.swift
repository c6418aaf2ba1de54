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
    /// Told what each transaction has added: in the order of versions, but for what was given back.
    private let announce: @Sendable (OpenWorkspace, ClosedRange<Version>) async -> Void
    private var queue = CommitQueue<Waiting>()
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
            carryOut(
                queue.step(
                    .arrived(
                        Waiting(submission: submission, continuation: continuation),
                        deliveries: submission.request.deliveries.count)),
                result: .failure(CancellationError()))
        }
    }

    /// The same, for who can't send again what was left for the next transaction.
    func acceptWhole(_ submission: Workspace.Submission) async throws -> Workspace.Judgement {
        var submission = submission
        var judgement = Workspace.Judgement()
        repeat {
            judgement = try await accept(submission)
        } while submission.goesOn(after: judgement)
        return judgement
    }

    /// Takes back what the file lacks. The file's own lock orders it among other writers.
    func takeBack(_ request: GiveBackRequest) async throws -> GiveBackResponse {
        var generator = SystemRandomNumberGenerator()
        let next = Epoch.random(using: &generator)
        let (response, appended) = try await workers.run(for: id) { [file, now] in
            try file.takeBack(request, now: now(), next: next)
        }
        if let appended { await announce(self, appended) }
        return response
    }

    /// Reads on a thread of its own, beside the writer.
    nonisolated func read<T: Sendable>(
        _ body: @escaping @Sendable (Workspace) throws -> T
    ) async throws -> T {
        try await workers.run(for: id) { [file] in try body(file) }
    }

    /// Closes the file once everyone has been told of what was written.
    func close() async throws {
        if !queue.isIdle { await withCheckedContinuation { closers.append($0) } }
        try await workers.run(for: id) { [file] in try file.closeWhole() }
    }

    /// Carries out what the queue decided; `result` is that of the transaction before.
    private func carryOut(
        _ steps: [CommitQueue<Waiting>.Step], result: Result<[Workspace.Judgement], any Error>
    ) {
        for step in steps {
            switch step {
            case .judge(let batch): Task { await judge(batch) }
            case .answer(let batch):
                for (one, judgement) in zip(batch, (try? result.get()) ?? []) {
                    one.continuation.resume(returning: judgement)
                }
            case .refuse(let batch):
                guard case .failure(let error) = result else { continue }
                for one in batch { one.continuation.resume(throwing: error) }
            }
        }
        guard queue.isIdle else { return }
        for closer in closers { closer.resume() }
        closers = []
    }

    private func judge(_ batch: [Waiting]) async {
        let submissions = batch.map(\.submission)
        do {
            let judgements = try await workers.run(for: id) { [file, now] in
                try file.accept(submissions, now: now())
            }
            // Announced before the next transaction begins: followers hear versions in order.
            await announce(judgements)
            carryOut(queue.step(.committed), result: .success(judgements))
        } catch {
            carryOut(queue.step(.failed(all: isStorageFull(error))), result: .failure(error))
        }
    }

    private func announce(_ judgements: [Workspace.Judgement]) async {
        let appended = judgements.compactMap(\.appended)
        guard let first = appended.map(\.lowerBound).min(),
            let last = appended.map(\.upperBound).max()
        else { return }
        await announce(self, first...last)
    }
}
