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
        /// The server refused the stream for good.
        case refused
        /// An edit was made here.
        case edited
        /// A sync ended well, with the replica at this version; whether the server deferred edits.
        case synced(Version, isDeferred: Bool = false)
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
    /// When deferred edits are sent again. Others don't wait for it.
    private var deferredAt: Duration?
    private var connecting = Backoff()
    private var syncing = Backoff()
    private var deferring = Backoff()
    /// Whether a stream stood before, and whether the one that stands has told of no version yet.
    private var hasStood = false
    private var isFresh = false
    /// Whether a sync was asked how things are, since no stream came to stand.
    private var hasAsked = false

    /// - Parameter isDeferred: Whether the last sync left edits that the server deferred.
    init(version: Version, isDeferred: Bool = false) {
        self.version = version
        if isDeferred { deferredAt = Self.pollInterval }
    }

    /// When the next sync is due without news; for `status`.
    var nextTry: Duration? { [retryAt, pollAt, deferredAt].compactMap { $0 }.min() }

    /// - Parameter jitter: 0 to 1, drawn anew for each fact.
    mutating func step(_ fact: Fact, at time: Duration, jitter: Double) -> [Step] {
        switch fact {
        case .connected:
            connecting.succeeded()
            (lastHeard, pollAt) = (time, nil)
            // What answers now may be a restored server: only a sync shows that its history is another.
            let isAgain = hasStood
            (hasStood, isFresh, hasAsked) = (true, true, false)
            return isAgain && retryAt == nil ? [.sync] : []
        case .heard:
            lastHeard = time
            return []
        case .head(let head):
            lastHeard = time
            // Later ones may be late; a first one that lies behind tells of a restored server.
            let isNews = head > version || isFresh && head < version
            isFresh = false
            return isNews && retryAt == nil ? [.sync] : []
        case .edited: return retryAt == nil ? [.sync] : []
        case .lost:
            guard lastHeard != nil || reconnectAt == nil else { return [] }
            let didStand = lastHeard != nil
            lost(at: time, jitter: jitter)
            // One that ends is followed by another at once. Where that fails, a sync says why, for `status`.
            if didStand || hasAsked || retryAt != nil { return [] }
            hasAsked = true
            return [.sync]
        case .refused:
            guard lastHeard != nil || reconnectAt == nil else { return [] }
            lost(at: time, jitter: jitter)
            // A sync hears the same, and says it.
            return retryAt == nil ? [.sync] : []
        case .synced(let version, let isDeferred):
            self.version = version
            syncing.succeeded()
            retryAt = nil
            if !isDeferred { deferring.succeeded() }
            deferredAt = isDeferred ? time + deferral(jitter) : nil
            return []
        case .failed(let least):
            retryAt = time + max(syncing.failed(jitter: jitter), least)
            return []
        case .tick: return tick(at: time, jitter: jitter)
        }
    }

    /// Nothing tells when the server has room again, or a newer schema: it is asked between each half
    /// minute and each five minutes.
    private mutating func deferral(_ jitter: Double) -> Duration {
        max(deferring.failed(jitter: jitter), Self.pollInterval)
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
        } else if let due = deferredAt, time >= due, retryAt == nil {
            deferredAt = nil
            steps.append(.sync)
        }
        return steps
    }
}
