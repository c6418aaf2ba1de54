// SPDX-License-Identifier: Apache-2.0

import NIOCore
import TingClient
import TingCore
import TingTesting
import TingWire

/// Pushes of one new task each, encoded before the clock starts.
struct PushRequests {
    let slug: String
    let token: String
    let base: Base
    let membersVersion: Int64
    private var random: SeededGenerator

    init(slug: String, seat: Seat, base: Base, membersVersion: Int64, seed: UInt64) {
        self.slug = slug
        token = seat.token
        self.base = base
        self.membersVersion = membersVersion
        random = SeededGenerator(state: seed)
    }

    /// One client's requests: its own replica, ascending numbers, an answer of one entry at most.
    mutating func make(_ records: [PlanningRecord]) throws -> [ByteBuffer] {
        let replica = ReplicaID.random(using: &random)
        return try records.enumerated().map { position, record in
            let delivery = Delivery(number: Int64(position + 1), changeSet: changeSet(record))
            let request = Self.request(
                replica, base: base, membersVersion: membersVersion, [delivery])
            return http(try WireCoding.protobuf.encode(request.wire))
        }
    }

    /// What a replica that has pulled nothing asks: one entry at most.
    static func request(
        _ replica: ReplicaID, base: Base, membersVersion: Int64, _ deliveries: [Delivery] = []
    ) -> SyncRequest {
        SyncRequest(
            replica: replica, base: base, historyDigest: .zero, stateDigest: StateDigest().hash,
            schema: PlanningRecords.schema.version, sent: wallClock(),
            membersVersion: membersVersion, pageByteLimit: 1, links: [], deliveries: deliveries)
    }

    private mutating func changeSet(_ record: PlanningRecord) -> ChangeSet {
        let time = wallClock()
        let fields = record.values.filter { $0.key != "project" }.sorted { $0.key < $1.key }
        return ChangeSet(
            id: .random(using: &random),
            seed: (0..<16).map { _ in .random(in: 0...255, using: &random) },
            schema: PlanningRecords.schema.version, base: base, time: time,
            operations: [
                Operation(
                    .insert, record.collection, record.id, time: time,
                    fields: fields.map {
                        FieldEdit($0.key, before: .null, after: $0.value, time: time)
                    })
            ])
    }

    private func http(_ body: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer(
            string: """
                POST /v1/workspaces/\(slug)/sync HTTP/1.1\r
                Host: 127.0.0.1\r
                Authorization: Bearer \(token)\r
                Content-Type: application/x-protobuf\r
                Accept: application/x-protobuf\r
                Content-Length: \(body.count)\r
                \r

                """)
        buffer.writeBytes(body)
        return buffer
    }
}
