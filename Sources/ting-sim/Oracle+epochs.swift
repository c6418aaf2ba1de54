// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore

/// The model of epochs: what versions were called before, and what is given back.
extension Oracle {
    /// A new name for the history; the old one still names versions up to `last`.
    mutating func startEpoch(_ next: Epoch, after last: Version) {
        lineage[epoch] = last
        epoch = next
    }

    /// The version here that a base names, where there is one.
    func here(_ base: Base) -> Version? {
        if base.epoch == epoch { return base.version }
        if let last = lineage[base.epoch], base.version <= last { return base.version }
        return names[base.epoch]?[base.version] ?? nil
    }

    /// What a version of this history was called in an earlier epoch: of several names the first.
    func name(of version: Version, in epoch: Epoch) -> Version? {
        if let last = lineage[epoch], version <= last { return version }
        return names[epoch]?.filter { $0.value == version }.keys.min()
    }

    private mutating func name(_ here: Version, _ version: Version, in epoch: Epoch) {
        if let claimed = names[epoch]?[version], claimed != here {
            names[epoch]?[version] = .some(nil)
        } else {
            names[epoch, default: [:]][version] = here
        }
    }

    /// The server took entries back: each must have been merged anew as itself, once.
    /// - Parameters:
    ///   - appended: What its history has now beyond what the model knows.
    ///   - isProven: Whether an entry carries a receipt of this server in one of the epochs.
    ///   - mayRefuse: Whether a proven entry may be refused where what it builds on is gone.
    mutating func takeBack(
        _ request: GiveBackRequest, appended: [Entry], epoch now: Epoch, mayRefuse: Bool,
        isProven: (Entry, Set<Epoch>) -> Bool, onEach: (Oracle) -> Void
    ) throws {
        let known = Set(lineage.keys).union([epoch, request.epoch])
        let lost =
            request.epoch == epoch
            ? request.entries.first { isProven($0, [epoch]) && !isHere($0) } : nil
        guard (now != epoch) == (lost != nil) else {
            throw Broken(
                .wrong, lost == nil ? "a new epoch without proof" : "an older copy goes unnoticed")
        }
        if let lost { startEpoch(now, after: min(lost.version - 1, version)) }
        fork(request.epoch, at: request.entries.first { isElsewhere($0, request.epoch, isProven) })
        var listed: Set<Hash> = []
        for entry in request.entries where isProven(entry, known) {
            if listed.contains(entry.changeSet.hash) {
                tell(entry.changeSet.hash, entry.changeSet.seen)
            }
            listed.formUnion(entry.changeSet.seen)
        }
        var coming = appended[...]
        for entry in request.entries {
            let isProven = isProven(entry, known)
            if let place = places[entry.changeSet.id] {
                guard isProven, place.hash == entry.changeSet.hash else { continue }
                if request.epoch != epoch { name(place.version, entry.version, in: request.epoch) }
            } else if let next = coming.first, next.changeSet.id == entry.changeSet.id {
                guard isProven, next.changeSet == entry.changeSet, next.author == entry.author,
                    next.replica == entry.replica, next.number == entry.number,
                    next.shift == entry.shift
                else { throw Broken(.different, "version \(next.version) is not what was lost") }
                coming.removeFirst()
                accept(next, firstAccepted: entry.accepted)
                name(version, entry.version, in: request.epoch)
                onEach(self)
            } else if isProven, !mayRefuse || hasAll(that: entry.changeSet) {
                throw Broken(.lost, "\(entry.changeSet.id) was given back and not taken")
            }
        }
        if let extra = coming.first {
            throw Broken(.wrong, "version \(extra.version) is nothing that was given back")
        }
    }

    /// Whether all is here, or made by itself, that a change set edits or refers to, conflicts aside; and the versions
    /// that it names. It may name later ones of an epoch whose files were copied back while entries were on
    /// their way: the replica asks anew.
    private func hasAll(that changeSet: ChangeSet) -> Bool {
        let settled = changeSet.operations.filter {
            $0.collection == CollectionSchema.conflict.name
        }
        let made = changeSet.operations.filter { $0.kind == .insert }
        return changeSet.concerned.subtracting((settled + made).map(\.record))
            .allSatisfy { records[$0] != nil }
            && changeSet.bases.allSatisfy { $0.epoch != epoch || $0.version <= version }
    }

    /// Whether a proven entry is not what this history has under a version that it shares with its epoch.
    private func isElsewhere(
        _ entry: Entry, _ earlier: Epoch, _ isProven: (Entry, Set<Epoch>) -> Bool
    ) -> Bool {
        guard earlier != epoch, let end = lineage[earlier], entry.version <= end else {
            return false
        }
        return isProven(entry, [earlier]) && !isHere(entry)
    }

    /// An earlier epoch had two histories from this entry on, and names from both.
    private mutating func fork(_ earlier: Epoch, at entry: Entry?) {
        guard let entry, let end = lineage[earlier] else { return }
        for version in entry.version...end { name(version, version, in: earlier) }
        lineage[earlier] = entry.version - 1
    }

    private func isHere(_ entry: Entry) -> Bool {
        places[entry.changeSet.id]?.version == entry.version
            && places[entry.changeSet.id]?.hash == entry.changeSet.hash
    }
}
