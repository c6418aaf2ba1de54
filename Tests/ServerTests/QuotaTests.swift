// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingServer
import TingStore
import TingWire

extension ServerTests {
    @Suite("A workspace with a quota")
    struct QuotaTests {
        @Test(
            "what goes beyond waits, its dependents with it; small ones still fit; raised, all are accepted"
        )
        func full() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let bo = try await server.person("bo@example.org", in: "other")
                let (replica, elsewhere) = (
                    try await TestReplica(server, anna, "team"),
                    try await TestReplica(server, bo, "other")
                )
                let used = try server.asOperator { try $0.status().workspaces.map(\.used) }
                try server.asOperator { try $0.setQuota(used[1] + 100_000, of: "team") }
                try replica.insert("Small")
                let id = try replica.insert(String(repeating: "a", count: 200_000))
                try replica.replica.write {
                    try $0.execute(
                        sql: "UPDATE project SET progress = 1 WHERE id = ?", arguments: [id])
                }
                try replica.insert("Small too")
                let verdicts = try await replica.exchange().verdicts.map(\.verdict)
                #expect(verdicts.first == .applied(1) && verdicts.last == .applied(2))
                guard case .deferred(.quotaFull, _) = verdicts[1],
                    case .deferred(.dependsOnDeferred, _) = verdicts[2]
                else {
                    Issue.record("\(verdicts)")
                    return
                }
                // Not remembered: as long as there is no room, the same again.
                #expect(
                    try await replica.exchange().verdicts.map(\.verdict) == Array(verdicts[1...2]))
                #expect(try replica.titles().count == 3)
                // Other workspaces have room.
                try elsewhere.insert(String(repeating: "b", count: 200_000))
                #expect(try await elsewhere.exchange().verdicts.map(\.verdict) == [.applied(1)])
                try server.asOperator { try $0.setQuota(used[1] + 1_000_000, of: "team") }
                #expect(
                    try await replica.exchange().verdicts.map(\.verdict) == [
                        .applied(3), .applied(4),
                    ])
                let status = try server.asOperator { try $0.status().workspaces[1] }
                #expect(status.used > used[1] + 200_000 && status.quota == used[1] + 1_000_000)
            }
        }

        @Test("who may not edit can't fill the workspace's file by what they say they have seen")
        func viewer() async throws {
            try await TestServer.run { server in
                _ = try await server.person("anna@example.org", in: "team")
                let bo = try await server.person("bo@example.org", in: "team", as: .viewer)
                let replica = try await TestReplica(server, bo, "team")
                try replica.insert("Mine")
                let used = try server.asOperator { try $0.status().workspaces[0].used }
                var request = try replica.replica.nextRequest()
                let hashes = (0..<20_000).map { Hash(of: [UInt8($0 & 255), UInt8($0 >> 8)]) }
                request.links = [SeenLink(hash: .zero, seen: hashes)]
                request.deliveries[0].changeSet.seen = Array(hashes.prefix(1_000))
                let response = try await SyncResponse(
                    wire: try WireCoding.protobuf.decode(
                        Ting_V1_SyncResponse.self, replica.post(request).bytes))
                guard case .rejected(.roleTooLow, _) = response.verdicts.first?.verdict else {
                    Issue.record("\(response.verdicts)")
                    return
                }
                let now = try server.asOperator { try $0.status().workspaces[0].used }
                #expect(now - used < 20_000)
            }
        }

        @Test("nor can an editor once the quota is full, by lists of what waits")
        func lists() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                try replica.insert("Mine")
                let used = try server.asOperator { try $0.status().workspaces[0].used }
                try server.asOperator { try $0.setQuota(used - 1, of: "team") }
                var request = try replica.replica.nextRequest()
                let hashes = (0..<1_000).map { Hash(of: [UInt8($0 & 255), UInt8($0 >> 8)]) }
                request.links = hashes.prefix(20).map { SeenLink(hash: $0, seen: hashes) }
                request.deliveries[0].changeSet.seen = hashes
                let response = try await SyncResponse(
                    wire: try WireCoding.protobuf.decode(
                        Ting_V1_SyncResponse.self, replica.post(request).bytes))
                guard case .deferred(.quotaFull, _) = response.verdicts.first?.verdict else {
                    Issue.record("\(response.verdicts)")
                    return
                }
                let now = try server.asOperator { try $0.status().workspaces[0].used }
                #expect(now - used < 20_000)
            }
        }

        @Test("`tingd quota` reads sizes, and says what it can't read")
        func command() async throws {
            let path = TestFolder.new()
            _ = try await Program.tingd("init", "--data", path)
            _ = try await Program.tingd(
                "invite", "--data", path, "--name", "A", "--email", "a@b.c", "--workspace", "team")
            for (size, quota) in [
                ("500M", "524288000"), ("2g", "2147483648"), ("7", "7"), ("none", "null"),
            ] {
                #expect(try await Program.tingd("quota", "--data", path, size).code == 0)
                let status = try await Program.tingd("status", "--data", path, "--json")
                #expect(status.output.contains("\"quota\" : \(quota)"), "\(status.output)")
            }
            for size in ["0", "-1", "1T", "much", "99999999999G", ""] {
                #expect(
                    try await Program.tingd("quota", "--data", path, "--", size).code == 2,
                    "\(size)")
            }
            let wrong = try await Program.tingd("quota", "--data", path, "--workspace", "x", "1M")
            #expect(wrong.code == 1 && wrong.errors.contains("There is no workspace x."))
        }
    }
}
