// SPDX-License-Identifier: Apache-2.0

import NIOCore
import TingCore
import TingStore

/// The workspaces whose files are open: as many as `Limits.openWorkspaceLimit`, used last.
///
/// One that is in use stays open whatever the limit, and closes later.
actor WorkspaceRegistry {
    private struct Slot {
        var opening: Task<OpenWorkspace, any Error>
        var users = 0
        var lastUse = 0
    }

    private let workers: Workers
    private let limit: Int
    private let open: @Sendable (WorkspaceID) throws -> OpenWorkspace
    private var slots: [WorkspaceID: Slot] = [:]
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
        let workspace = try await take(id)
        do {
            let result = try await body(workspace)
            await release(id)
            return result
        } catch {
            await release(id)
            throw error
        }
    }

    private func take(_ id: WorkspaceID) async throws -> OpenWorkspace {
        uses += 1
        var slot =
            slots[id]
            ?? Slot(opening: Task { [workers, open] in try await workers.run { try open(id) } })
        slot.users += 1
        slot.lastUse = uses
        slots[id] = slot
        do {
            return try await slot.opening.value
        } catch {
            slots[id] = nil  // The next request tries again: the disk may have room by then.
            throw error
        }
    }

    private func release(_ id: WorkspaceID) async {
        slots[id]?.users -= 1
        guard slots.count > limit,
            let oldest = slots.filter({ $0.value.users == 0 }).min(by: {
                $0.value.lastUse < $1.value.lastUse
            })
        else { return }
        slots[oldest.key] = nil
        await close(oldest.value)
    }

    private func close(_ slot: Slot) async {
        guard let workspace = try? await slot.opening.value else { return }
        try? await workers.run { try workspace.file.close() }
    }

    /// Closes every file; those under way have ended.
    func closeAll() async {
        let open = slots.values
        slots = [:]
        for slot in open { await close(slot) }
    }
}
