// SPDX-License-Identifier: Apache-2.0

import NIOCore
import TingCore
import TingStore

/// The workspaces whose files are open: as many as `Limits.openWorkspaceLimit`, used last.
///
/// One that is in use stays open whatever the limit, and closes later. No file is ever open twice.
actor WorkspaceRegistry {
    private struct Slot {
        let opening: Task<OpenWorkspace, any Error>
        /// Tells this opening from an earlier one of the same workspace.
        let number: Int
        var users = 0
        var lastUse = 0
    }

    private let workers: Workers
    private let limit: Int
    private let open: @Sendable (WorkspaceID) throws -> OpenWorkspace
    private var slots: [WorkspaceID: Slot] = [:]
    /// Files on their way to be closed: who wants one of them waits, and opens it anew.
    private var closing: [WorkspaceID: Task<Void, Never>] = [:]
    private var uses = 0

    init(
        workers: Workers, limit: Int = Limits.openWorkspaceLimit,
        open: @escaping @Sendable (WorkspaceID) throws -> OpenWorkspace
    ) {
        self.workers = workers
        self.limit = limit
        self.open = open
    }

    var count: Int { slots.count }

    /// Runs `body` with the workspace open.
    nonisolated func with<T: Sendable>(
        _ id: WorkspaceID, _ body: (OpenWorkspace) async throws -> T
    ) async throws -> T {
        let (workspace, number) = try await take(id)
        do {
            let result = try await body(workspace)
            await release(id, number)
            return result
        } catch {
            await release(id, number)
            throw error
        }
    }

    private func take(_ id: WorkspaceID) async throws -> (OpenWorkspace, number: Int) {
        while let closing = closing[id] { await closing.value }
        uses += 1
        var slot =
            slots[id]
            ?? Slot(
                opening: Task { [workers, open] in try await workers.run { try open(id) } },
                number: uses)
        slot.users += 1
        slot.lastUse = uses
        slots[id] = slot
        do {
            return (try await slot.opening.value, slot.number)
        } catch {
            // The next request tries again: the disk may have room by then.
            if slots[id]?.number == slot.number { slots[id] = nil }
            throw error
        }
    }

    private func release(_ id: WorkspaceID, _ number: Int) async {
        if slots[id]?.number == number { slots[id]?.users -= 1 }
        guard slots.count > limit,
            let oldest = slots.filter({ $0.value.users == 0 }).min(by: {
                $0.value.lastUse < $1.value.lastUse
            })
        else { return }
        await close(oldest.key, oldest.value)
    }

    private func close(_ id: WorkspaceID, _ slot: Slot) async {
        slots[id] = nil
        let task = Task {
            if let workspace = try? await slot.opening.value { try? await workspace.close() }
            // Before it ends: who waits for it looks again at once.
            closing[id] = nil
        }
        closing[id] = task
        await task.value
    }

    /// Closes every file; those under way have ended.
    func closeAll() async {
        for (id, slot) in slots { await close(id, slot) }
        for task in closing.values { await task.value }
    }
}
