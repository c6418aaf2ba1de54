// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingStore
import TingWire

extension ServerTests {
    @Suite("Sync over HTTPS")
    struct SyncTests {
        @Test("two members edit, sync, and hold the same records and digests", .tags(.promise2))
        func twoMembers() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                let li = try await server.person("li@example.cn", in: "team", as: .editor)
                let (first, second) = (
                    try await TestReplica(server, anna, "team"),
                    try await TestReplica(server, li, "team")
                )
                try first.insert("District heating")
                try second.insert("区域供热")
                try await first.exchange()
                let response = try await second.exchange()
                try await first.exchange()
                #expect(try first.titles() == ["District heating", "区域供热"])
                #expect(try second.titles() == first.titles())
                #expect(response.digestsAgree && response.head == 2)
                #expect(
                    response.members?.map(\.email).sorted() == [
                        "anna@example.org", "li@example.cn",
                    ])
                #expect(try first.replica.status().digest == second.replica.status().digest)
            }
        }

        @Test("the same request again has the same verdicts and is accepted once", .tags(.promise5))
        func again() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                try replica.insert("Once")
                let request = try replica.replica.nextRequest()
                for _ in 0..<3 {
                    let reply = try await replica.post(request)
                    let response = try SyncResponse(
                        wire: WireCoding.protobuf.decode(Ting_V1_SyncResponse.self, reply.bytes))
                    #expect(response.verdicts.map(\.verdict) == [.applied(1)])
                    #expect(response.head == 1)
                }
            }
        }

        @Test("what a viewer pushes is rejected as role_too_low; what others wrote still arrives")
        func viewer() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let eva = try await server.person("eva@example.org", in: "team", as: .viewer)
                let (first, second) = (
                    try await TestReplica(server, anna, "team"),
                    try await TestReplica(server, eva, "team")
                )
                try first.insert("Anna's")
                try second.insert("Eva's")
                try await first.exchange()
                let response = try await second.exchange()
                guard case .rejected(.roleTooLow, _) = response.verdicts.first?.verdict else {
                    Issue.record("\(response.verdicts)")
                    return
                }
                #expect(try second.titles() == ["Anna's"])
                #expect(response.role == .viewer)
            }
        }

        @Test("many members at once: every change set has a version of its own, with no holes")
        func crowd() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                try await withThrowingTaskGroup(of: [Version].self) { group in
                    for number in 0..<8 {
                        group.addTask {
                            let replica = try await TestReplica(server, anna, "team")
                            var versions: [Version] = []
                            for round in 0..<5 {
                                try replica.insert("\(number)/\(round)")
                                versions += try await replica.exchange().verdicts.compactMap(
                                    \.verdict.version)
                            }
                            return versions
                        }
                    }
                    let versions = try await group.reduce(into: []) { $0 += $1 }
                    #expect(versions.sorted() == Array(1...40))
                }
                let found = try server.verify()
                #expect(found.problems == [])
                #expect(found.workspaces.map(\.version) == [40])
            }
        }

        @Test("JSON does what protobuf does, and a malformed body is named by its field")
        func json() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                let request = try replica.replica.nextRequest()
                let json = String(decoding: try WireCoding.json.encode(request.wire), as: UTF8.self)
                let path = "/v1/workspaces/team/sync"
                let reply = try await server.call(.POST, path, token: anna.token, json: json)
                let response: Ting_V1_SyncResponse = try reply.message()
                #expect(response.digestsAgree)
                let wrong = json.replacingOccurrences(
                    of: request.replica.description, with: "not-an-id")
                let refused = try await server.call(.POST, path, token: anna.token, json: wrong)
                #expect(refused.status == 400 && refused.text.contains("replica"))
                let newer = json.replacingOccurrences(
                    of: #""protocol":"1""#, with: #""protocol":"9""#)
                #expect(
                    try await server.call(.POST, path, token: anna.token, json: newer).status == 426
                )
            }
        }
    }
}
