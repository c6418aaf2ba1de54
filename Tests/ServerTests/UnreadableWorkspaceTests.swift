// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingWire

extension ServerTests {
    @Suite("A workspace whose file can't be read")
    struct UnreadableWorkspaceTests {
        @Test("it stands in lists without what its file says, and no join fails for it")
        func listed() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "good", as: .owner)
                // Made by an operator; the server has not opened it yet.
                let code = try server.invite("anna@example.org", to: "rotten", as: .owner)
                let id = try server.asOperator {
                    try #require(try $0.accounts.workspace(slug: "rotten"))
                }
                try Data(repeating: 7, count: 10_000).write(
                    to: URL(fileURLWithPath: "\(server.path)/workspaces/\(id).sqlite"))
                let joined: Ting_V1_JoinResponse = try await server.join(code).message()
                for token in [anna.token, joined.token] {
                    let list: Ting_V1_WorkspacesResponse = try await server.call(
                        .GET, "/v1/workspaces", token: token
                    ).message()
                    #expect(list.workspaces.map(\.slug).sorted() == ["good", "rotten"])
                    let rotten = try #require(list.workspaces.first { $0.slug == "rotten" })
                    #expect(rotten.role == "owner" && rotten.epoch.isEmpty && rotten.head == 0)
                    #expect(list.workspaces.contains { !$0.epoch.isEmpty })
                }
                #expect(joined.workspaces.count == 2)
                let one = try await server.call(
                    .GET, "/v1/workspaces/rotten", token: anna.token)
                #expect(one.status == 500 && one.code == "internal")
            }
        }
    }
}
