// SPDX-License-Identifier: Apache-2.0

import NIOCore
import TingCore
import TingStore

/// The workspaces whose files are open: as many as `Limits.openWorkspaceLimit`, used last.
///
/// One that is in use stays open whatever the limit, and closes later. One whose file was moved,
/// replaced or deleted is closed, and what lies there now is opened. No file is ever open twice.
actor WorkspaceRegistry {
    private struct Slot {
        let opening: Task<OpenWorkspace, any Error>
        /// Tells this opening from an earlier one of the same workspace.
        let number: Int
        /// Once it is open.
        var workspace: OpenWorkspace?
        var users = 0
        var lastUse = 0
    }

    private let workers: Workers
    private let limit: Int
    private let open: @Sendable (WorkspaceID) throws -> OpenWorkspace
    private let glance: @Sendable (WorkspaceID) throws -> WorkspaceStanding?
    private let displaced: @Sendable (WorkspaceID) -> Void
    private var slots: [WorkspaceID: Slot] = [:]
    /// Files on their way to be closed: who wants one of them waits, and opens it anew.
    private var closing: [WorkspaceID: Task<Void, Never>] = [:]
    /// By an opening's number: who uses what is to be closed, and what waits until nobody does.
    private var leaving: [Int: (users: Int, close: CheckedContinuation<Void, Never>?)] = [:]
    private var uses = 0

    /// - Parameters:
    ///   - displaced: Told of a workspace whose file is no longer what was opened.
    ///   - glance: Looks into a file that is closed.
    init(
        workers: Workers, limit: Int = Limits.openWorkspaceLimit,
        displaced: @escaping @Sendable (WorkspaceID) -> Void,
        glance: @escaping @Sendable (WorkspaceID) throws -> WorkspaceStanding?,
        open: @escaping @Sendable (WorkspaceID) throws -> OpenWorkspace
    ) {
        self.workers = workers
        self.limit = limit
        self.displaced = displaced
        self.glance = glance
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

    /// How far a workspace is that nobody uses, without opening it for that; `nil` where only opening tells.
    func glance(_ id: WorkspaceID) async -> WorkspaceStanding? {
        guard slots[id] == nil, closing[id] == nil else { return nil }
        return try? await workers.run(for: id) { [glance] in try glance(id) }
    }

    private func take(_ id: WorkspaceID) async throws -> (OpenWorkspace, number: Int) {
        while true {
            if let closing = closing[id] {
                await closing.value
            } else if let slot = slots[id], slot.workspace?.file.isInPlace == false {
                displaced(id)
                await close(id, slot, users: slot.users)
            } else {
                break
            }
        }
        uses += 1
        var slot =
            slots[id]
            ?? Slot(
                opening: Task { [workers, open] in try await workers.run(for: id) { try open(id) }
                },
                number: uses)
        slot.users += 1
        slot.lastUse = uses
        slots[id] = slot
        do {
            let workspace = try await slot.opening.value
            if slots[id]?.number == slot.number { slots[id]?.workspace = workspace }
            return (workspace, slot.number)
        } catch {
            // The next request tries again: the disk may have room by then.
            if slots[id]?.number == slot.number { slots[id] = nil }
            throw error
        }
    }

    private func release(_ id: WorkspaceID, _ number: Int) async {
        if slots[id]?.number == number {
            slots[id]?.users -= 1
        } else if let last = leaving[number] {
            leaving[number] = last.users > 1 ? (last.users - 1, last.close) : nil
            if last.users == 1 { last.close?.resume() }
        }
        guard slots.count > limit,
            let oldest = slots.filter({ $0.value.users == 0 }).min(by: {
                $0.value.lastUse < $1.value.lastUse
            })
        else { return }
        await close(oldest.key, oldest.value)
    }

    /// - Parameter users: How many use it still, and are waited for.
    private func close(_ id: WorkspaceID, _ slot: Slot, users: Int = 0) async {
        slots[id] = nil
        if users > 0 { leaving[slot.number] = (users, nil) }
        let task = Task {
            await awaitUsers(of: slot.number)
            if let workspace = try? await slot.opening.value { try? await workspace.close() }
            // Before it ends: who waits for it looks again at once.
            closing[id] = nil
        }
        closing[id] = task
        await task.value
    }

    private func awaitUsers(of number: Int) async {
        await withCheckedContinuation { close in
            guard let users = leaving[number]?.users else { return close.resume() }
            leaving[number] = (users, close)
        }
    }

    /// Closes every file; those under way have ended.
    func closeAll() async {
        for (id, slot) in slots { await close(id, slot) }
        for task in closing.values { await task.value }
    }
}
