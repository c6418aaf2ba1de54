// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Putting right a replica whose records differ from the server's, record by record (promise 2).
extension Replica {
    static let mendedTable = """
        CREATE TABLE ting_mended (
          seq INTEGER PRIMARY KEY,
          record TEXT NOT NULL,
          collection TEXT NOT NULL,
          was TEXT,
          time INTEGER NOT NULL
        ) STRICT
        """

    /// Recomputes the digest from the records, and asks what those should be that differ.
    func mendRequest() throws -> MendRequest {
        try rebuildIndexes()
        return try sealed { db in
            try mendShown(db)
            let digest = try recomputedDigest(db)
            try HistoryTables.store(db, digest)
            return MendRequest(
                base: try identity(db).base, schema: schema.version, digest: digest)
        }
    }

    /// What comparing with the server's records came to.
    struct Mending: Equatable {
        /// Records that differed and were put right.
        var records = 0
        /// Whether any bucket that differed is the server's now.
        var progressed = false
        /// Whether the replica's digest is the server's now.
        var agrees = false
        /// Whether somebody wrote meanwhile: the answer is about another version than the replica's.
        var isLate = false
    }

    /// Sets the shared values of records that differ to the server's. Edits made here stay on top;
    /// what stood there is kept aside in `ting_mended`.
    func mend(_ answer: MendResponse) throws -> Mending {
        try naming { () throws in try setRight(answer) }
    }

    private func setRight(_ answer: MendResponse) throws -> Mending {
        try sealed { db in
            var mending = Mending()
            guard try identity(db).base == Base(epoch: answer.epoch, version: answer.head) else {
                mending.isLate = true
                return mending
            }
            var dirty: Set<RecordID> = []
            var wanted = StateDigest()
            for (bucket, records) in answer.buckets.sorted(by: { $0.key < $1.key }) {
                dirty.formUnion(try mend(db, bucket, records, answer.head))
                for record in records { wanted.add(record) }
            }
            mending.records = dirty.count
            try materialize(db, dirty)
            let digest = try recomputedDigest(db)
            try HistoryTables.store(db, digest)
            mending.progressed = !Set(answer.buckets.keys)
                .isSubset(of: wanted.differingBuckets(from: digest))
            mending.agrees = digest.hash == answer.stateDigest
            if mending.agrees { try db.execute(sql: "UPDATE ting_replica SET suspect = 0") }
            return mending
        }
    }

    private func mend(
        _ db: Database, _ bucket: Int, _ records: [RecordContent], _ version: Version
    ) throws -> Set<RecordID> {
        var left = Dictionary(
            try tables.liveRecords(db, in: bucket, except: unsealedRows(db)).map {
                (Place($0), $0)
            },
            uniquingKeysWith: { a, _ in a })
        var changed: Set<RecordID> = []
        for right in records {
            let here = left.removeValue(forKey: Place(right))
            guard here != right else { continue }
            try setAside(db, right.record, here, right.collection)
            try share(db, right)
            changed.insert(right.record)
        }
        let ids = Set(records.map(\.record))
        for here in left.values {
            try setAside(db, here.record, here, here.collection)
            changed.insert(here.record)
            let home = try SharedRecords.read(db, here.record)?.collection
            if home != here.collection { try tables.remove(db, here.collection, here.record) }
            // A row under the id of another collection's record says nothing of that one.
            guard !ids.contains(here.record), home ?? here.collection == here.collection else {
                continue
            }
            try SharedRecords.write(
                db, here.record,
                SharedRecord(
                    collection: here.collection, state: .deleted, values: here.values,
                    deleted: version))
        }
        return changed
    }

    /// Where a record is. Another tool may write a row with the id of another collection's record.
    private struct Place: Hashable {
        let collection: String
        let record: RecordID

        init(_ content: RecordContent) {
            (collection, record) = (content.collection, content.record)
        }
    }

    private func share(_ db: Database, _ right: RecordContent) throws {
        guard try SharedRecords.read(db, right.record) != nil else {
            return try tables.write(db, right.collection, right.record, right.values)
        }
        try SharedRecords.write(
            db, right.record,
            SharedRecord(
                collection: right.collection, state: .live, values: right.values, deleted: nil))
    }

    /// Keeps what stood in a record's place, and has it found by the next search.
    func setAside(
        _ db: Database, _ record: RecordID, _ was: RecordContent?, _ collection: String
    ) throws {
        let fields = was?.values.keys.sortedByBytes.map { name in
            "\(Value.text(name).json):\(was?.values[name]?.json ?? "null")"
        }
        try db.execute(
            sql: "INSERT INTO ting_mended (record, collection, was, time) VALUES (?, ?, ?, ?)",
            arguments: [
                record.description, collection, fields.map { "{\($0.joined(separator: ","))}" },
                clock(),
            ])
        try noteUnindexed(db, [record])
    }
}

extension RecordTables {
    /// The live shared records whose id ends in the bucket's byte.
    /// - Parameter unsealed: Rows that nobody shares, by collection.
    func liveRecords(
        _ db: Database, in bucket: Int, except unsealed: [String: Set<RecordID>] = [:]
    ) throws -> [RecordContent] {
        var found: [RecordContent] = []
        try eachLiveRecord(db, in: bucket, except: unsealed) { record in
            found.append(record)
            return true
        }
        return found
    }

    /// The same of a server, where nothing is unsealed; `nil` where they come to more than so many bytes.
    func liveRecords(
        _ db: Database, in bucket: Int, within byteLimit: Int
    ) throws -> [RecordContent]? {
        var (found, bytes) = ([RecordContent](), 0)
        try eachLiveRecord(db, in: bucket) { record in
            found.append(record)
            bytes += record.canonicalBytes.count
            return bytes <= byteLimit
        }
        return bytes <= byteLimit ? found : nil
    }

    /// - Parameter body: Whether to go on with the next.
    private func eachLiveRecord(
        _ db: Database, in bucket: Int, except unsealed: [String: Set<RecordID>] = [:],
        _ body: (RecordContent) throws -> Bool
    ) throws {
        let ending = Hexadecimal.encode([UInt8(truncatingIfNeeded: bucket)])
        var aside = unsealed
        let beside = try String.storedAll(
            db, sql: "SELECT record FROM ting_shared WHERE substr(record, 35) = ?",
            arguments: [ending])
        for text in beside {
            guard let record = RecordID(text), let shared = try SharedRecords.read(db, record)
            else { continue }
            aside[shared.collection, default: []].insert(record)
            guard shared.state == .live else { continue }
            guard try body(RecordContent(shared.collection, record, shared.values)) else { return }
        }
        for collection in schema.collections {
            let ids = try String.storedAll(
                db,
                sql: """
                    SELECT id FROM "\(collection.name)"
                    WHERE substr(id, 35) = ? AND \(Self.isWholeID)
                    """, arguments: [ending])
            let beside = aside[collection.name] ?? []
            for text in ids {
                guard let record = RecordID(text), !beside.contains(record),
                    let values = try read(db, collection.name, record)
                else { continue }
                guard try body(RecordContent(collection.name, record, values)) else { return }
            }
        }
    }
}
