// SPDX-License-Identifier: Apache-2.0

import Foundation
import SwiftProtobuf
import Testing
import TingCore
import TingStore
import TingWire

/// The examples in the pages of `Protocol/spec`: fenced blocks named for the message they are.
@Suite("Examples of the specification")
struct ExampleTests {
    struct Example: CustomTestStringConvertible, Sendable {
        var page: String
        var message: String
        var json: String
        var testDescription: String { "\(message) in \(page)" }
    }

    static let examples: [Example] = {
        let folder = SpecificationTests.root.appending(path: "Protocol/spec")
        let pages = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return pages.filter { $0.hasSuffix(".md") }.sorted().flatMap { page in
            let text =
                (try? String(contentsOf: folder.appending(path: page), encoding: .utf8)) ?? ""
            return text.matches(of: /(?s)```json (\w+)\n(.*?)```/).map {
                Example(page: page, message: String($0.1), json: String($0.2))
            }
        }
    }()

    private static let messages: [any Message.Type] = [
        Ting_V1_ChangeSet.self, Ting_V1_SyncRequest.self, Ting_V1_SyncResponse.self,
        Ting_V1_MendRequest.self, Ting_V1_MendResponse.self, Ting_V1_GiveBackRequest.self,
        Ting_V1_GiveBackResponse.self, Ting_V1_EntriesPage.self, Ting_V1_FollowEvent.self,
        Ting_V1_JoinRequest.self, Ting_V1_JoinResponse.self, Ting_V1_WorkspaceInfo.self,
        Ting_V1_WorkspacesResponse.self, Ting_V1_SnapshotManifest.self,
        Ting_V1_MembersResponse.self, Ting_V1_RoleRequest.self, Ting_V1_InvitationRequest.self,
        Ting_V1_InvitationResponse.self, Ting_V1_DevicesResponse.self, Ting_V1_BundleKey.self,
    ]

    private static func example<M: Message>(_ type: M.Type = M.self) throws -> M {
        let name = M.protoMessageName.split(separator: ".").last.map(String.init)
        let example = try need(examples.first { $0.message == name })
        return try M(jsonString: example.json)
    }

    @Test("every body has an example")
    func complete() {
        let names = Self.messages.compactMap {
            $0.protoMessageName.split(separator: ".").last.map(String.init)
        }
        let shown = Set(Self.examples.map(\.message))
        for name in names { #expect(shown.contains(name), "\(name) has no example") }
    }

    @Test("says nothing but what its message holds, in the form of a server", arguments: examples)
    func wellFormed(_ example: Example) throws {
        let object = try JSONSerialization.jsonObject(with: Data(example.json.utf8))
        guard example.message != "Problem" else {
            let problem = try JSONDecoder().decode(Problem.self, from: Data(example.json.utf8))
            #expect(problem == Problem(.workspaceNotFound, detail: problem.detail))
            return
        }
        let type = try #require(
            Self.messages.first { $0.protoMessageName == "ting.v1.\(example.message)" })
        // Unknown names are refused here, unlike on the wire.
        let message = try type.init(jsonString: example.json)
        let written = try JSONSerialization.jsonObject(
            with: Data(WireCoding.json.encode(message)))
        #expect(
            NSDictionary(dictionary: try need(object as? [String: Any]))
                == NSDictionary(dictionary: try need(written as? [String: Any])))
    }

    @Test("the exchange of sync.md happens as it is written there")
    func exchange() throws {
        let request: Ting_V1_SyncRequest = try Self.example()
        let response: Ting_V1_SyncResponse = try Self.example()
        let workspace = try VectorWorkspace(epoch: need(Epoch(response.epoch)))
        let author = try need(response.members.first)
        let answer = try workspace.answer(
            to: SyncRequest(wire: request), of: need(MemberID(author.id)), at: response.time,
            members: [Member(wire: author)])
        #expect(answer.wire == response)

        var mending: Ting_V1_MendRequest = try Self.example()
        mending.sums += Array(repeating: Data(count: 32), count: 255)
        #expect(
            try workspace.file.mend(MendRequest(wire: mending)).wire
                == Self.example(Ting_V1_MendResponse.self))
    }

    @Test("what sync.md gives back is taken by a server that lost it")
    func givingBack() throws {
        let request: Ting_V1_GiveBackRequest = try Self.example()
        let response: Ting_V1_GiveBackResponse = try Self.example()
        let workspace = try VectorWorkspace(epoch: need(Epoch(request.epoch)))
        let next = try need(Epoch(response.epoch))
        let answer = try workspace.file.takeBack(
            GiveBackRequest(wire: request), now: 1_750_000_100_000, next: next)
        #expect(answer.response.wire == response)
    }
}
