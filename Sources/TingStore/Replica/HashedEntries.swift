// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import TingCore

/// An entry with all that integrating computes of it alone, whatever the replica holds.
struct HashedEntry: Sendable {
    let hash: Hash
    let effectsHash: Hash
    /// The stored bytes of its change set.
    let body: [UInt8]

    init(_ entry: Entry, _ effects: [Effect]) {
        hash = entry.changeSet.hash
        effectsHash = entry.changeSet.effectsHash(effects)
        body = entry.changeSet.storedBytes
    }
}

/// Hashes the entries of an answer on another core while this one writes them.
///
/// Whoever needs an entry that nobody has begun hashes it itself: no core waits for one that is busy
/// elsewhere.
final class HashedEntries: @unchecked Sendable {
    private enum State {
        case waiting, underWay, taken
        case done(HashedEntry)
    }

    private let entries: [Entry]
    private let effects: [[Effect]]
    /// Guards `states`, and tells of what is done.
    private let condition = NSCondition()
    private var states: [State]
    /// Operations below which it costs more to begin than it saves.
    private static let leastOperations = 32

    init(_ entries: [Entry]) {
        self.entries = entries
        effects = entries.map(\.allEffects)
        states = [State](repeating: .waiting, count: entries.count)
        guard effects.reduce(0, { $0 + $1.count }) >= Self.leastOperations else { return }
        DispatchQueue.global().async { self.hashAll() }
    }

    /// What the entry at this position did.
    func effects(at position: Int) -> [Effect] { effects[position] }

    /// The entry at this position, which is asked for once.
    func take(_ position: Int) -> HashedEntry {
        condition.lock()
        while case .underWay = states[position] { condition.wait() }
        let state = states[position]
        states[position] = .taken
        condition.unlock()
        guard case .done(let entry) = state else {
            return HashedEntry(entries[position], effects[position])
        }
        return entry
    }

    /// Nothing more is needed.
    func stop() {
        condition.withLock {
            for position in states.indices {
                if case .waiting = states[position] { states[position] = .taken }
            }
        }
    }

    private func hashAll() {
        for position in entries.indices where begin(position) {
            let entry = HashedEntry(entries[position], effects[position])
            condition.withLock {
                states[position] = .done(entry)
                condition.broadcast()
            }
        }
    }

    private func begin(_ position: Int) -> Bool {
        condition.withLock {
            guard case .waiting = states[position] else { return false }
            states[position] = .underWay
            return true
        }
    }
}
