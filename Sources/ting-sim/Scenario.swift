// SPDX-License-Identifier: Apache-2.0

import TingTesting

/// What happens in one run: made from a seed, and cut shorter when it fails.
struct Scenario: Codable, Equatable {
    var seed: UInt64
    /// Replicas at the start, each of a member of their own; copies come on top.
    var members: Int
    var network: Network
    /// How far each machine's clock is wrong from the start, in milliseconds; none where missing.
    var skews: [Int64]? = nil
    /// The same of the server's; none where missing.
    var serverSkew: Int64? = nil
    /// Whether a clone's first sync leaves the digest to its second; not, where missing.
    var leavesDigest: Bool? = nil
    /// What aligning the texts of one change set, or of one transaction, may cost: as the limit where missing.
    var mergeSteps: Int? = nil
    /// Between phases the faults stop, and everyone must come to hold the same.
    var phases: [[Step]]

    /// How the line behaves while faults last. Shares in percent, times in milliseconds.
    struct Network: Codable, Equatable {
        var requestLoss = 0
        var replyLoss = 0
        var duplication = 0
        var delay: Int64 = 50
        /// Bytes of entries in a page: small ones make many exchanges of a sync.
        var pageByteLimit = 1 << 20
    }

    struct Step: Codable, Equatable {
        /// Names the step, whatever is cut around it; values it writes carry it.
        var number: Int
        /// Milliseconds after the step before.
        var wait: Int64
        var action: Action
    }

    enum Action: Codable, Equatable {
        // What people do.
        case edit(node: Int, Edit, isForeign: Bool)
        case seal(node: Int)
        case sync(node: Int)
        case settle(node: Int, Settling)
        case delete(node: Int, project: Int)
        case bringBack(node: Int, project: Int)
        case revert(node: Int, place: Int)
        /// A tool reads rows and, much later, writes them back as it knows them.
        case remember(node: Int)
        case writeBack(node: Int)
        case retryQuarantine(node: Int)
        case amendQuarantine(node: Int)
        case export(node: Int)
        /// Discards the change set at a place in the outbox, and all of the quarantine.
        case discard(node: Int, place: Int)

        // What befalls lines, disks and clocks.
        /// The line of a node is cut, one way or both, until the time is over.
        case cut(node: Int, milliseconds: Int64, requests: Bool, replies: Bool)
        /// From the n-th call on the disk the process is dead; then it starts again.
        case kill(machine: Int, calls: Int)
        case powerCut(machine: Int, calls: Int)
        /// The n-th call on the disk fails.
        case fail(machine: Int, calls: Int, full: Bool)
        /// The disk takes nothing more until the time is over.
        case full(machine: Int, milliseconds: Int64)
        /// A machine's clock jumps; the server's too, where `node` says so.
        case clock(node: Int, milliseconds: Int64)
        case stopClock(node: Int)
        case startClock(node: Int)

        // What befalls files and accounts.
        /// The replica's file is copied to a second machine, and both are used.
        case copy(node: Int)
        case backUp(node: Int)
        /// One of the copies made earlier takes the file's place.
        case restore(node: Int, which: Int)
        case role(node: Int, isViewer: Bool)
        case backUpServer
        case replaceServer(Replacement, which: Int)
    }

    /// How a person settles the oldest open conflict.
    enum Settling: String, Codable, CaseIterable { case keep, take, value, remove }

    /// What takes the place of the server's file.
    enum Replacement: String, Codable, CaseIterable {
        /// A backup, under a new epoch, as `tingd restore` puts it there.
        case restored
        /// The files of a backup, and nobody says so.
        case copiedBack
        /// An empty workspace, with another key.
        case wiped
        /// The file as it is now, under a new epoch, on another server.
        case moved
    }

    /// The server's machine, where an action names one; nodes are 0, 1, 2, …
    static let server = -1

    enum Edit: Codable, Equatable {
        case insertProject(Int)
        case insertTask(Int, of: Int)
        case title(Int)
        case summaryLine(Int)
        case summaryWord(Int)
        case clearSummary(Int)
        case status(Int, Int)
        case addPartner(Int)
        case removePartner(Int)
        case hours(Int, Int)
        case sensitivity(Int, Int)
        case retain(Int, Int)
        case budget(Int)
        case code(Int, Int)
        case same(Int)
        case moveTask(Int, to: Int)
        case taskTitle(Int)
        case deleteProject(Int)
        case deleteTask(Int)
        case replaceProject(Int)
        case invalid(Int)
        case undone(Int)
        case restoreProject(Int)
    }
}

extension Scenario {
    /// The scenario without the steps at these places, counted through all phases.
    func without(_ places: Range<Int>) -> Scenario {
        var shorter = self
        var place = 0
        shorter.phases = phases.map { phase in
            phase.filter { _ in
                defer { place += 1 }
                return !places.contains(place)
            }
        }
        return shorter
    }

    var stepCount: Int { phases.map(\.count).reduce(0, +) }
}
