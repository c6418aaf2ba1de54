// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// A fault built in on purpose, to prove that the simulator would see it.
///
/// The products can't set it: it acts from outside, on messages, files and disks, as a fault in the
/// code behind them would. Each acts now and then, not always, as real ones do.
enum PlantedBug: String, CaseIterable, Codable {
    // Disks that say they synced.
    case serverSyncIgnored, replicaSyncIgnored
    // What is said on the line.
    case entryDropped, entryAltered, verdictInvented
    case baseOverstated, idChanged, linksDropped
    // What the server keeps.
    case conflictHidden, writersForgotten, editTimesForgotten, additionsLost
    case deletionForgotten, seenForgotten, idsForgotten, suffixDropped, senderTimeAhead
    // What a replica keeps.
    case appliedTwice, cursorAhead, outboxEaten, quarantineEaten, pendingForgotten
    case updatesUnnoticed, sharedForgotten, heldForgotten
    // What epochs lead to.
    case epochApart, namesForgotten, givenBackTwice, snapshotStale, outboxStartedOver
    // More of the same kinds, beyond the thirty that every release is judged by.
    case deliverySkipped, conflictLost, authorSwapped, shiftForgotten, digestAdopted
    case deletionsUnnoticed, epochForgotten, entriesSwapped, acceptancesMovedBack
    case lineageForgotten, quarantineInvented, clashHidden

    /// The thirty that every release is judged by.
    static let judged = Array(allCases.prefix(30))

    // MARK: Disks

    /// Prepares the disks of a new world.
    func prepare(server: SimulatedMachine, replicas: [SimulatedMachine]) {
        if self == .serverSyncIgnored { server.ignoreSync(true) }
        if self == .replicaSyncIgnored { for replica in replicas { replica.ignoreSync(true) } }
    }

    // MARK: Messages

    func change(_ request: inout SyncRequest, _ random: inout some RandomNumberGenerator) {
        guard strikes(&random) else { return }
        switch self {
        case .baseOverstated:
            for index in request.deliveries.indices {
                request.deliveries[index].changeSet.base = request.base
            }
        case .idChanged:
            guard !request.deliveries.isEmpty else { return }
            request.deliveries[0].changeSet.id = .random(using: &random)
        case .deliverySkipped:
            guard !request.deliveries.isEmpty else { return }
            request.deliveries.removeFirst()
        case .linksDropped: request.links = []
        default: break
        }
    }

    func change(_ response: inout SyncResponse, _ random: inout some RandomNumberGenerator) {
        guard strikes(&random) else { return }
        switch self {
        case .entryDropped where response.entries.count > 1: response.entries.remove(at: 0)
        case .entryAltered where !response.entries.isEmpty: response.entries[0].accepted += 1
        case .entriesSwapped where response.entries.count > 1: response.entries.swapAt(0, 1)
        case .clashHidden: response.clash = nil
        case .verdictInvented:
            for index in response.verdicts.indices {
                response.verdicts[index].verdict = .rejected(.invalidValue, detail: "Invented.")
            }
        default: break
        }
    }

    // MARK: Files

    func afterAccepting(
        _ workspace: Workspace, _ random: inout some RandomNumberGenerator
    ) throws {
        guard let sql = serverSQL, strikes(&random) else { return }
        try workspace.tamper { try $0.execute(sql: sql) }
    }

    func afterIntegrating(_ node: Node, _ random: inout some RandomNumberGenerator) throws {
        guard let sql = replicaSQL, strikes(&random) else { return }
        try node.replica?.tamper { try $0.execute(sql: sql) }
    }

    func afterTakingBack(
        _ workspace: Workspace, _ random: inout some RandomNumberGenerator
    ) throws {
        let sql: String? =
            switch self {
            case .givenBackTwice: "UPDATE history SET change_set = lower(hex(randomblob(16)))"
            case .namesForgotten: "DELETE FROM ting_name"
            case .lineageForgotten: "DELETE FROM ting_lineage"
            default: nil
            }
        guard let sql, strikes(&random) else { return }
        try workspace.tamper { try $0.execute(sql: sql) }
    }

    /// - Parameter old: The epoch that the replica left.
    func afterStartingOver(
        _ node: Node, from old: Epoch, _ random: inout some RandomNumberGenerator
    ) throws {
        let sql: String? =
            switch self {
            case .epochApart: "UPDATE ting_replica SET epoch = '\(old)'"
            case .outboxStartedOver: "DELETE FROM ting_outbox"
            default: nil
            }
        guard let sql, strikes(&random) else { return }
        try node.replica?.tamper { try $0.execute(sql: sql) }
    }

    private func strikes(_ random: inout some RandomNumberGenerator) -> Bool {
        Int.random(in: 0..<3, using: &random) == 0
    }

    private var serverSQL: String? {
        switch self {
        case .conflictHidden: "UPDATE conflict SET status = 'settled'"
        case .conflictLost: "DELETE FROM conflict"
        case .writersForgotten: "UPDATE ting_edit SET standing = 0"
        case .editTimesForgotten: "UPDATE ting_edit SET time = 0"
        case .additionsLost: "DELETE FROM ting_addition"
        case .deletionForgotten: "UPDATE ting_shared SET deleted = 0 WHERE deleted IS NOT NULL"
        case .seenForgotten: "UPDATE ting_entry SET seen = x''"
        case .authorSwapped: "UPDATE history SET author = (SELECT min(author) FROM history)"
        case .idsForgotten: "UPDATE history SET change_set = lower(hex(randomblob(16)))"
        case .suffixDropped: "UPDATE project SET code = substr(code, 1, 2) WHERE code LIKE '%~%'"
        case .senderTimeAhead: "UPDATE ting_sender SET edit_time = edit_time + 3600000"
        case .shiftForgotten: "UPDATE ting_entry SET shift = 0"
        case .acceptancesMovedBack: "UPDATE history SET accepted = accepted - 3600000"
        default: nil
        }
    }

    private var replicaSQL: String? {
        switch self {
        case .appliedTwice: "UPDATE project SET hours = hours + 1"
        case .cursorAhead: "UPDATE ting_replica SET version = version + 1"
        case .outboxEaten: "DELETE FROM ting_outbox"
        case .quarantineEaten: "DELETE FROM ting_quarantine"
        case .quarantineInvented:
            """
            INSERT INTO ting_quarantine (change_set, code, detail, body, time)
            SELECT change_set, 'role_too_low', 'Invented.', body, 0 FROM ting_outbox;
            DELETE FROM ting_outbox
            """
        case .pendingForgotten: "DELETE FROM ting_pending"
        case .digestAdopted: "UPDATE project SET title = 'adopted' WHERE title IS NOT NULL"
        case .updatesUnnoticed: "DROP TRIGGER IF EXISTS ting_project_update"
        case .deletionsUnnoticed: "DROP TRIGGER IF EXISTS ting_project_delete"
        case .sharedForgotten: "DELETE FROM ting_shared WHERE state <> 'deleted'"
        case .heldForgotten: "DELETE FROM ting_invalid; DELETE FROM ting_note"
        case .epochForgotten:
            "UPDATE ting_replica SET epoch = '00000000-0000-4000-8000-000000000000'"
        default: nil
        }
    }
}
