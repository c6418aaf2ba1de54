// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TingCore

/// The comparison of records by buckets: messages to values and back.
extension MendRequest {
    package init(wire message: Ting_V1_MendRequest) throws(WireError) {
        guard message.sums.count == StateDigest.bucketCount else {
            throw WireError("sums", "there are not \(StateDigest.bucketCount)")
        }
        var digest = StateDigest()
        for (bucket, sum) in message.sums.enumerated() {
            guard digest.set(bucket, to: sum) else { throw WireError("sums", "not of 32 bytes") }
        }
        guard message.version >= 0 else { throw WireError("version", "negative") }
        self.init(
            base: Base(epoch: try Wire.id(message.epoch, "epoch"), version: message.version),
            schema: Int(clamping: message.schema), digest: digest)
    }

    package var wire: Ting_V1_MendRequest {
        var message = Ting_V1_MendRequest()
        message.`protocol` = protocolVersion
        message.schema = Int64(schema)
        message.epoch = base.epoch.description
        message.version = base.version
        message.sums = (0..<StateDigest.bucketCount).map { Data(digest.sum(of: $0)) }
        return message
    }
}

extension MendResponse {
    package init(wire message: Ting_V1_MendResponse) throws(WireError) {
        var buckets: [Int: [RecordContent]] = [:]
        for bucket in message.buckets {
            let place = Int(clamping: bucket.bucket)
            guard (0..<StateDigest.bucketCount).contains(place), buckets[place] == nil else {
                throw WireError("buckets.bucket", "out of range, or twice")
            }
            var records: [RecordContent] = []
            for record in bucket.records { records.append(try RecordContent(wire: record)) }
            guard records.allSatisfy({ StateDigest.bucket(of: $0.record) == place }) else {
                throw WireError("buckets.records", "in another's bucket")
            }
            buckets[place] = records
        }
        self.init(
            epoch: try Wire.id(message.epoch, "epoch"), head: message.head,
            stateDigest: try Wire.hash(message.stateDigest, "state_digest"), buckets: buckets)
    }

    package var wire: Ting_V1_MendResponse {
        var message = Ting_V1_MendResponse()
        message.epoch = epoch.description
        message.head = head
        message.stateDigest = stateDigest.description
        message.buckets = buckets.sorted { $0.key < $1.key }.map { place, records in
            var bucket = Ting_V1_MendResponse.Bucket()
            bucket.bucket = Int64(place)
            bucket.records = records.map(\.wire)
            return bucket
        }
        return message
    }
}

extension RecordContent {
    fileprivate init(wire message: Ting_V1_RecordContent) throws(WireError) {
        try Wire.check(name: message.collection, "records.collection")
        var values: [String: Value] = [:]
        for pair in message.values {
            try Wire.check(name: pair.field, "records.values.field")
            values[pair.field] = pair.hasValue ? Value(wire: pair.value) : .null
        }
        self.init(message.collection, try Wire.id(message.record, "records.record"), values)
    }

    fileprivate var wire: Ting_V1_RecordContent {
        var message = Ting_V1_RecordContent()
        message.collection = collection
        message.record = record.description
        message.values = values.keys.sortedByBytes.map { name in
            var pair = Ting_V1_FieldValue()
            pair.field = name
            pair.value = (values[name] ?? .null).wire
            return pair
        }
        return message
    }
}
