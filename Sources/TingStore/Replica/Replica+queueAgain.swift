// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// What a server lost, and can't prove, comes into its author's outbox again.
extension Replica {
    /// What waits in the outbox, or comes into it again.
    private struct Listing {
        var hash: Hash
        var seen: [Hash]
        var place: Place

        enum Place {
            case new(ChangeSet)
            case sequence(Int64)
        }
    }

    /// Puts change sets into the outbox that a server lost, in the order in which it had them. What waits here
    /// comes behind, since it may build on them; but each comes behind what it lists, which may have been
    /// accepted after it: a server that doesn't know that one can't tell what lies behind it as seen.
    func queueAgain(_ db: Database, _ lost: [ChangeSet]) throws {
        let waiting = try Row.fetchAll(
            db, sql: "SELECT hash, seen, seq FROM ting_outbox ORDER BY seq"
        ).compactMap { row in
            try Hash(bytes: row.decode(Data.self, atIndex: 0)).map {
                try Listing(
                    hash: $0, seen: Hash.list(row.decode(Data.self, atIndex: 1)),
                    place: .sequence(row.decode(atIndex: 2)))
            }
        }
        let all = lost.map { Listing(hash: $0.hash, seen: $0.seen, place: .new($0)) } + waiting
        for one in Self.behindWhatTheyList(all) {
            switch one.place {
            case .new(let changeSet): try enqueue(db, changeSet, changeSet.base)
            case .sequence(let place): try moveToEnd(db, place)
            }
        }
        try recount(db, listing: lost)
    }

    private static func behindWhatTheyList(_ listings: [Listing]) -> [Listing] {
        let places = Dictionary(
            listings.indices.map { (listings[$0].hash, $0) },
            uniquingKeysWith: { first, _ in first })
        var (isOpen, isDone) = (Set<Int>(), Set<Int>())
        var ordered: [Listing] = []
        for start in listings.indices {
            var path = [start]
            while let last = path.last {
                if isOpen.insert(last).inserted {
                    path += listings[last].seen.compactMap { places[$0] }
                        .filter { !isOpen.contains($0) }.reversed()
                } else {
                    path.removeLast()
                    if isDone.insert(last).inserted { ordered.append(listings[last]) }
                }
            }
        }
        return ordered
    }
}
