// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingWire

/// A change set that no server takes, and why.
private struct Fault: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let rejection: Rejection
    let spoil: @Sendable (inout ChangeSet) -> Void

    init(
        _ description: String, _ rejection: Rejection,
        _ spoil: @escaping @Sendable (inout ChangeSet) -> Void
    ) {
        testDescription = description
        self.rejection = rejection
        self.spoil = spoil
    }

    /// Another value in one field.
    static func value(_ description: String, _ field: String, _ value: Value) -> Fault {
        Fault(description, .invalidValue) {
            $0.operations[0].fields = [FieldEdit(field, before: .null, after: value, time: 0)]
        }
    }
}

private func text(_ count: Int) -> String { String(repeating: "a", count: count) }

private let faults: [Fault] = [
    Fault("operationLimit", .tooLarge) { changeSet in
        let one = changeSet.operations[0]
        changeSet.operations = Array(repeating: one, count: Limits.operationLimit + 1)
    },
    Fault("messageByteLimit", .tooLarge) { $0.message = text(Limits.messageByteLimit + 1) },
    Fault("deliveryLimit of seen", .tooLarge) {
        $0.seen = (0...Limits.deliveryLimit).map { Hash(of: [UInt8($0 & 255), UInt8($0 >> 8)]) }
    },
    Fault("changeSetByteLimit", .tooLarge) { changeSet in
        changeSet.operations = (0..<5).map { number in
            var random = SystemRandomNumberGenerator()
            return Operation(
                .insert, "project", .timeOrdered(milliseconds: Int64(number), using: &random),
                time: 0,
                fields: [
                    FieldEdit(
                        "summary", before: .null, after: .text(text(Limits.textByteLimit - 1_000)),
                        time: 0)
                ])
        }
    },
    .value("textByteLimit", "summary", .text(text(Limits.textByteLimit + 1))),
    .value("uniqueByteLimit", "code", .text(text(Limits.uniqueByteLimit + 1))),
    .value("setElementLimit", "partners", .set(of: (0...Limits.setElementLimit).map { "\($0)" })),
    .value("elementByteLimit", "partners", .set([text(Limits.elementByteLimit + 1)])),
    .value("a set out of order", "partners", .set(["b", "a"])),
    .value("an element twice", "partners", .set(["a", "a"])),
    .value("a text not in NFC", "title", .text("e\u{301}")),
    .value("a text with a NUL", "title", .text("a\0b")),
    .value("a type that is not the field's", "title", .integer(1)),
    .value("a number above the greatest", "progress", .integer(.max)),
    .value("an unknown field", "colour", .text("red")),
    .value("a field name that no schema has", "title; DROP TABLE project", .text("red")),
    .value("a reference to nothing", "lead", .text("00000000-0000-4000-8000-000000000000")),
    Fault("an unknown collection", .invalidValue) { $0.operations[0].collection = "sqlite_master" },
    Fault("a field twice", .invalidValue) {
        $0.operations[0].fields += $0.operations[0].fields
    },
    Fault("fields out of order", .invalidValue) {
        $0.operations[0].fields.append(
            FieldEdit("budget", before: .null, after: .integer(1), time: 0))
    },
    Fault("a message not in NFC", .invalidValue) { $0.message = "e\u{301}" },
    Fault("a message with a NUL", .invalidValue) { $0.message = "a\0b" },
    Fault("a change set seen twice", .invalidValue) {
        $0.seen = [Hash(of: [1]), Hash(of: [2]), Hash(of: [1])]
    },
    Fault("an insert with a base of its own", .invalidValue) { $0.operations[0].base = $0.base },
    Fault("a deletion of a field that no schema has", .invalidValue) {
        $0.operations[0].kind = .delete
        $0.operations[0].fields = [FieldEdit("nope", before: .null, after: .null, time: 0)]
    },
    Fault("an insert and a deletion of one record", .invalidValue) {
        let one = $0.operations[0]
        $0.operations.append(Operation(.delete, one.collection, one.record, time: 0))
    },
    Fault("a short seed", .invalidValue) { $0.seed = [1, 2, 3] },
    Fault("no operation", .invalidValue) { $0.operations = [] },
    Fault("schema 0", .invalidValue) { $0.schema = 0 },
    Fault("a base below 0", .invalidValue) { $0.base.version = -1 },
    Fault("a base above the head", .invalidValue) {
        $0.operations[0].base = $0.base
        $0.operations[0].base?.version = .max
    },
    Fault("an update of what never was", .invalidValue) { $0.operations[0].kind = .update },
    Fault("a conflict of one's own", .invalidValue) { $0.operations[0].collection = "conflict" },
]

extension ServerTests {
    @Suite("One bad change set stops nothing", .tags(.promise6))
    struct ChangeSetLimitTests {
        @Test("it alone is rejected, before and after it others are accepted, and again the same")
        func faultsAlone() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let info: Ting_V1_WorkspaceInfo = try await server.call(
                    .GET, "/v1/workspaces/team", token: anna.token
                ).message()
                let epoch = try #require(Epoch(info.epoch))
                var head: Version = 0
                for fault in faults {
                    let request = Self.request(epoch, fault)
                    for coding in [WireCoding.protobuf, .json] {
                        let response = try await server.sync(request, anna.token, coding)
                        #expect(
                            response.verdicts.map(\.number) == [1, 2, 3], "\(fault.testDescription)"
                        )
                        let verdicts = response.verdicts.map(\.verdict)
                        #expect(verdicts.first == .applied(head + 1), "\(fault.testDescription)")
                        #expect(verdicts.last == .applied(head + 2), "\(fault.testDescription)")
                        guard case .rejected(fault.rejection, let detail) = verdicts[1] else {
                            Issue.record("\(fault.testDescription): \(verdicts[1])")
                            continue
                        }
                        #expect(detail.hasSuffix("."), "\(detail)")
                        #expect(!detail.contains(text(1_000)), "a detail repeats what was sent")
                    }
                    head += 2
                }
                #expect(try server.verify().problems == [])
            }
        }

        @Test("numbers at the ends of their range are taken or rejected; none stops the server")
        func extremes() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let info: Ting_V1_WorkspaceInfo = try await server.call(
                    .GET, "/v1/workspaces/team", token: anna.token
                ).message()
                let epoch = try #require(Epoch(info.epoch))
                for extreme in [Int64.min, -1, 0, .max] {
                    for field in ["hours", "budget", "progress"] {
                        var request = Self.request(
                            epoch,
                            .value("", field, .integer(extreme)))
                        request.sent = extreme
                        request.deliveries[1].changeSet.time = extreme
                        request.deliveries[1].changeSet.operations[0].time = extreme
                        // The same record again: counters add up, times are compared.
                        var again = request.deliveries[1]
                        again.number = extreme == .max ? .max : 4
                        var random = SystemRandomNumberGenerator()
                        again.changeSet.id = .random(using: &random)
                        again.changeSet.operations[0].kind = .update
                        again.changeSet.operations[0].fields[0].before = .integer(
                            extreme == 0 ? .max : .min)
                        again.changeSet.operations[0].fields[0].after = .integer(
                            extreme == 0 ? .min : .max)
                        request.deliveries.append(again)
                        let response = try await server.sync(request, anna.token, .protobuf)
                        #expect(response.verdicts.count == 4)
                    }
                }
                #expect(try server.verify().problems == [])
            }
        }

        private static func request(_ epoch: Epoch, _ fault: Fault) -> SyncRequest {
            var random = SystemRandomNumberGenerator()
            let base = Base(epoch: epoch, version: 0)
            var deliveries = (1...3).map { number in
                Delivery(
                    number: Int64(number),
                    changeSet: ChangeSet(
                        id: .random(using: &random), seed: Secret.randomBytes(16), schema: 1,
                        base: base,
                        time: 0,
                        operations: [
                            Operation(
                                .insert, "project",
                                .timeOrdered(milliseconds: Int64(number), using: &random), time: 0,
                                fields: [
                                    FieldEdit(
                                        "title", before: .null, after: .text("\(number)"), time: 0)
                                ])
                        ]))
            }
            fault.spoil(&deliveries[1].changeSet)
            return SyncRequest(
                replica: .random(using: &random), base: base, historyDigest: .zero,
                stateDigest: StateDigest().hash, schema: 1, sent: 0, membersVersion: 0,
                // Nothing back but the verdicts, and one entry.
                pageByteLimit: 1, deliveries: deliveries)
        }
    }
}

extension TestServer {
    func sync(
        _ request: SyncRequest, _ token: String, _ coding: WireCoding, in slug: String = "team"
    ) async throws -> SyncResponse {
        let reply = try await call(
            .POST, "/v1/workspaces/\(slug)/sync", token: token,
            body: try coding.encode(request.wire),
            headers: [("Content-Type", coding.mediaType), ("Accept", coding.mediaType)])
        try #require(reply.status == 200, "\(reply.text)")
        return try SyncResponse(wire: coding.decode(Ting_V1_SyncResponse.self, reply.bytes))
    }
}
