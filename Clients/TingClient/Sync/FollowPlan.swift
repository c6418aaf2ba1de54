// SPDX-License-Identifier: Apache-2.0

import TingCore

/// Decides when someone who follows a workspace syncs and when they listen anew.
///
/// Pure: facts and times in, steps out. Times are counted from the start of following.
struct FollowPlan: Equatable {
    enum Fact: Equatable {
        /// The stream stands.
        case connected
        /// A comment: the stream is alive.
        case heard
        /// The server's newest version.
        case head(Version)
        /// The stream ended, or never stood.
        case lost
        /// An edit was made here.
        case edited
        /// A sync ended well, with the replica at this version.
        case synced(Version)
        /// A sync failed for now, and may be tried again after so long.
        case failed(atLeast: Duration = .zero)
        /// Time has passed.
        case tick
    }

    enum Step: Equatable { case sync, connect, drop }

    /// Silence after which a stream is taken for dead: a comment is late by half of the time between two.
    static let silence = Duration.seconds(60)
    /// Between polls while no stream stands.
    static let pollInterval = Duration.seconds(30)

    private(set) var version: Version
    private var lastHeard: Duration?
    private var reconnectAt: Duration? = .zero
    private var pollAt: Duration?
    private var retryAt: Duration?
    private var connecting = Backoff()
    private var syncing = Backoff()

    init(version: Version) { self.version = version }

    /// When the next sync is due without news; for `status`.
    var nextTry: Duration? { [retryAt, pollAt].compactMap { $0 }.min() }

    /// - Parameter jitter: 0 to 1, drawn anew for each fact.
    mutating func step(_ fact: Fact, at time: Duration, jitter: Double) -> [Step] {
        switch fact {
        case .connected:
            connecting.succeeded()
            (lastHeard, pollAt) = (time, nil)
            return []
        case .heard:
            lastHeard = time
            return []
        case .head(let head):
            lastHeard = time
            return head > version && retryAt == nil ? [.sync] : []
        case .edited: return retryAt == nil ? [.sync] : []
        case .lost:
            guard lastHeard != nil || reconnectAt == nil else { return [] }
            lost(at: time, jitter: jitter)
            return []
        case .synced(let version):
            self.version = version
            syncing.succeeded()
            retryAt = nil
            return []
        case .failed(let least):
            retryAt = time + max(syncing.failed(jitter: jitter), least)
            return []
        case .tick: return tick(at: time, jitter: jitter)
        }
    }

    private mutating func lost(at time: Duration, jitter: Double) {
        lastHeard = nil
        reconnectAt = time + connecting.failed(jitter: jitter)
        if pollAt == nil { pollAt = time + Self.pollInterval * (1 + jitter / 2) }
    }

    private mutating func tick(at time: Duration, jitter: Double) -> [Step] {
        var steps: [Step] = []
        if let heard = lastHeard, time - heard >= Self.silence {
            lost(at: time, jitter: jitter)
            steps.append(.drop)
        }
        if let due = reconnectAt, time >= due {
            reconnectAt = nil
            steps.append(.connect)
        }
        if let due = retryAt, time >= due {
            retryAt = nil
            steps.append(.sync)
        } else if let due = pollAt, time >= due {
            pollAt = time + Self.pollInterval * (1 + jitter / 2)
            if retryAt == nil { steps.append(.sync) }
        }
        return steps
    }
}
