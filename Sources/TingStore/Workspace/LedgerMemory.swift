// SPDX-License-Identifier: Apache-2.0

import TingCore

/// What a ledger has read: each row is asked for once, however many steps of an acceptance need it.
///
/// Lives no longer than one transaction; what it holds of records no longer than one acceptance.
final class LedgerMemory {
    private var rows: [RecordID: [String: HeldRow?]] = [:]
    private var shared: [RecordID: SharedRecord?] = [:]
    private var new: Set<RecordID> = []
    /// Who sends under a replica's id, and its latest edit time.
    var senders: [ReplicaID: (member: MemberID?, editTime: Int64)] = [:]
    /// What inserts of a version wrote, of as many versions as were asked for last.
    private var inserts: [Version: [RecordID: [FieldEdit]]] = [:]
    private static let insertsLimit = 64
    /// Records that the change set inserts, and what they began with in versions that were read for it: it
    /// may go through more versions than are held, again and again.
    private var inserting: Set<RecordID> = []
    private var begun: [Version: [RecordID: [FieldEdit]]] = [:]
    /// Up to which number the suffixes of unique texts are held.
    var heldSuffixes: [UniqueText: Int] = [:]
    /// When versions were accepted.
    var times: [Version: Int64] = [:]
    /// What versions were called in earlier epochs.
    var names: [Epoch: EarlierNames] = [:]

    /// What the insert of a record wrote in a version, whose entry is read for all of them at once.
    func inserted(
        _ record: RecordID, in version: Version, _ read: () throws -> ChangeSet?
    ) rethrows -> [FieldEdit]? {
        if let known = inserts[version] ?? begun[version] { return known[record] ?? [] }
        guard let changeSet = try read() else { return nil }
        if inserts.count >= Self.insertsLimit { inserts.removeAll() }
        let found = Dictionary(
            changeSet.operations.filter { $0.kind == .insert }.map { ($0.record, $0.fields) },
            uniquingKeysWith: { first, _ in first })
        inserts[version] = found
        begun[version] = found.filter { inserting.contains($0.key) }
        return found[record] ?? []
    }

    /// The record's row in the collection's table; `nil` if there is none.
    func row(
        _ collection: String, _ record: RecordID, _ read: () throws -> HeldRow?
    ) rethrows -> HeldRow? {
        if new.contains(record) { return nil }
        if let known = rows[record]?[collection] { return known }
        let row = try read()
        rows[record, default: [:]].updateValue(row, forKey: collection)
        return row
    }

    /// What is shared of the record beside its table.
    func shared(
        _ record: RecordID, _ read: () throws -> SharedRecord?
    ) rethrows -> SharedRecord? {
        if new.contains(record) { return nil }
        if let known = shared[record] { return known }
        let found = try read()
        shared.updateValue(found, forKey: record)
        return found
    }

    /// Whether it is known that nothing is shared of the record beside its table.
    func isNothingShared(of record: RecordID) -> Bool {
        if new.contains(record) { return true }
        guard let known = shared[record] else { return false }
        return known == nil
    }

    /// The collection in whose table the record's row was found.
    func home(of record: RecordID) -> String? {
        rows[record]?.first { $0.value != nil }?.key
    }

    /// No table has the record, and none ever had.
    func note(new record: RecordID) { new.insert(record) }

    func isKnownNew(_ record: RecordID) -> Bool { new.contains(record) }

    /// Forgets a record that is written.
    func forget(_ record: RecordID) {
        rows[record] = nil
        shared[record] = nil
        new.remove(record)
    }

    /// Forgets all records: an acceptance begins, the one before it may have been undone.
    /// - Parameter changeSet: The one that is accepted next.
    func forgetRecords(for changeSet: ChangeSet) {
        inserting = Set(changeSet.operations.lazy.filter { $0.kind == .insert }.map(\.record))
        begun.removeAll()
        rows.removeAll()
        shared.removeAll()
        new.removeAll()
    }
}
