// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingStore
import TingWire

/// A device that has joined, with the keys that a bundle takes.
private struct Sender {
    let person: Person
    let replica: TestReplica
    let signing: P256.Signing.PrivateKey
    let reply = SealedBundle.PrivateKey()
    let server: SealedBundle.PublicKey

    init(
        _ server: TestServer, _ email: String, as role: Role, in slug: String = "team"
    ) async throws {
        signing = P256.Signing.PrivateKey()
        let code = try server.invite(email, to: slug, as: role)
        let joined: Ting_V1_JoinResponse = try await server.join(code, key: signing).message()
        person = Person(
            token: joined.token, member: try #require(MemberID(joined.member)),
            device: joined.device)
        replica = try await TestReplica(server, person, slug)
        let key: Ting_V1_BundleKey = try await server.call(
            .GET, "/v1/bundle-key", token: joined.token
        ).message()
        self.server = try SealedBundle.PublicKey(rawRepresentation: key.publicKey)
    }

    func request(workspace: String = "team", device: String? = nil) throws -> BundleRequest {
        BundleRequest(
            workspace: workspace, device: try #require(DeviceID(device ?? person.device)),
            serverKey: Array(server.rawRepresentation),
            replyKey: Array(reply.publicKey.rawRepresentation),
            requests: [try replica.replica.nextRequest()])
    }

    func bundle(
        _ request: BundleRequest? = nil, signedBy key: P256.Signing.PrivateKey? = nil
    ) throws -> [UInt8] {
        let request = try request ?? self.request()
        return try SealedBundle.seal(
            request.signed(by: key ?? signing), as: .toServer, to: server)
    }

    func read(_ reply: [UInt8]) throws -> BundleReply {
        try BundleReply(
            contents: SealedBundle.open(reply, as: .reply, with: self.reply, from: server))
    }

    /// Takes a reply in, as `ting bundle apply` does.
    @discardableResult
    func integrate(_ reply: [UInt8]) throws -> IntegrateSummary {
        var summary = IntegrateSummary()
        for answer in try read(reply).answers {
            var request = try replica.replica.nextRequest()
            (request.replica, request.base) = (answer.replica, answer.base)
            try replica.replica.integrate(answer.response, to: request, into: &summary)
        }
        return summary
    }
}

extension ServerTests {
    @Suite("Bundles that come by hand")
    struct BundleTests {
        private func refusal(_ server: TestServer, _ bundle: [UInt8]) -> String? {
            do {
                _ = try server.asOperator { try $0.apply(bundle: bundle) }
                return nil
            } catch { return (error as? ServerError)?.message }
        }

        @Test(
            "are judged like a sync; twice, late and after a sync they change nothing",
            .tags(.promise5))
        func travels() async throws {
            try await TestServer.run { server in
                let mette = try await Sender(server, "mette@example.org", as: .owner)
                let li = try await Sender(server, "li@example.org", as: .editor)
                try mette.replica.insert("by mette")
                try await mette.replica.exchange()
                try li.replica.insert("by li")
                let first = try li.bundle()
                let (reply, count, judged) = try server.asOperator { try $0.apply(bundle: first) }
                #expect(count == 1 && judged == 1)
                // Nothing left the outbox yet; a sync in between brings the same verdict.
                try li.replica.insert("later")
                try await li.replica.exchange()
                let summary = try li.integrate(reply)
                #expect(summary.sent + summary.received == 0)
                #expect(try li.replica.titles() == ["by li", "by mette", "later"])
                let again = try server.asOperator { try $0.apply(bundle: first) }.reply
                try li.integrate(again)
                try li.integrate(reply)
                try await mette.replica.exchange()
                #expect(try mette.replica.titles() == ["by li", "by mette", "later"])
                #expect(try li.replica.replica.identity().base.version == 3)
                #expect(try li.replica.replica.verify().matches)
            }
        }

        @Test("bring verdicts and entries to a replica that has no line at all")
        func offline() async throws {
            try await TestServer.run { server in
                let mette = try await Sender(server, "mette@example.org", as: .owner)
                let li = try await Sender(server, "li@example.org", as: .editor)
                for number in 0..<50 { try mette.replica.insert("m\(number)") }
                try await mette.replica.exchange()
                for number in 0..<50 { try li.replica.insert("l\(number)") }
                let bundle = try li.bundle()
                let reply = try server.asOperator { try $0.apply(bundle: bundle) }.reply
                let summary = try li.integrate(reply)
                #expect(summary.sent == 50 && summary.received == 50)
                #expect(try li.replica.replica.outbox().isEmpty)
                #expect(try li.replica.replica.verify().matches)
                #expect(try li.replica.titles().count == 100)
            }
        }

        @Test(
            "of others, of revoked devices and of removed members are refused, all alike",
            .tags(.promise8))
        func senders() async throws {
            try await TestServer.run { server in
                let mette = try await Sender(server, "mette@example.org", as: .owner)
                let li = try await Sender(server, "li@example.org", as: .editor)
                let stranger = try await Sender(
                    server, "carl@example.org", as: .owner, in: "elsewhere")
                let sentence =
                    "The bundle's sender is not a device of a member who may sync, or was revoked."
                // Signed by another key than the device's.
                #expect(refusal(server, try li.bundle(signedBy: mette.signing)) == sentence)
                // As another's device.
                let device = mette.person.device
                #expect(
                    refusal(server, try li.bundle(li.request(device: device))) == sentence)
                // Of a workspace that is not theirs, and of one that nobody has.
                for slug in ["team", "nowhere"] {
                    let request = try stranger.request(workspace: slug)
                    #expect(refusal(server, try stranger.bundle(request)) == sentence)
                }
                try li.replica.insert("unsent")
                let bundle = try li.bundle()
                try server.asOperator {
                    try $0.setRole(nil, email: "li@example.org", in: "team")
                }
                #expect(refusal(server, bundle) == sentence)
                _ = try server.invite("li@example.org", to: "team", as: .editor)
                try server.asOperator { try $0.revoke(deviceEnding: li.person.device) }
                #expect(refusal(server, bundle) == sentence)
                try await mette.replica.exchange()
                #expect(try mette.replica.titles().isEmpty)
            }
        }

        @Test("of another server are refused, also when it is passed on")
        func servers() async throws {
            try await TestServer.run { server in
                let li = try await Sender(server, "li@example.org", as: .editor)
                let other = SealedBundle.PrivateKey()
                var request = try li.request()
                let theirs = try SealedBundle.seal(
                    request.signed(by: li.signing), as: .toServer, to: other.publicKey)
                #expect(refusal(server, theirs) == BundleError.otherRecipient.sentence)
                request.serverKey = Array(other.publicKey.rawRepresentation)
                #expect(
                    refusal(server, try li.bundle(request))?.contains("another server") == true)
            }
        }

        @Test("altered at any byte are refused, and leave nothing behind")
        func altered() async throws {
            try await TestServer.run { server in
                let li = try await Sender(server, "li@example.org", as: .editor)
                try li.replica.insert("once")
                let bundle = try li.bundle()
                try server.asOperator { person in
                    for place in bundle.indices {
                        var bytes = bundle
                        bytes[place] ^= 0x10
                        #expect(throws: ServerError.self) { try person.apply(bundle: bytes) }
                    }
                }
                try await li.replica.exchange()
                #expect(try li.replica.replica.identity().base.version == 1)
            }
        }

        @Test("a viewer's edits are rejected in the reply")
        func viewer() async throws {
            try await TestServer.run { server in
                _ = try await Sender(server, "mette@example.org", as: .owner)
                let guest = try await Sender(server, "guest@example.org", as: .viewer)
                try guest.replica.insert("not mine")
                let bundle = try guest.bundle()
                let reply = try server.asOperator { try $0.apply(bundle: bundle) }.reply
                #expect(try guest.integrate(reply).quarantined == 1)
                #expect(try guest.replica.replica.quarantine().map(\.code) == [.roleTooLow])
            }
        }

        @Test("carried by another's device: the courier reads nothing, who follows hears of it")
        func carried() async throws {
            try await TestServer.run { server in
                let mette = try await Sender(server, "mette@example.org", as: .owner)
                let li = try await Sender(server, "li@example.org", as: .editor)
                let stranger = try await Sender(
                    server, "carl@example.org", as: .owner, in: "elsewhere")
                try li.replica.insert("by hand")
                let bundle = try li.bundle()
                let stream = try await server.follow("team", token: mette.person.token)
                var pieces = stream.makeAsyncIterator()
                _ = try await pieces.next()
                let answer = try await server.call(
                    .POST, "/v1/bundles", token: stranger.person.token, body: bundle)
                #expect(answer.status == 200)
                #expect(throws: BundleError.otherRecipient) { try stranger.read(answer.bytes) }
                #expect(try li.integrate(answer.bytes).sent == 1)
                let event = try #require(try await pieces.next())
                #expect(String(buffer: event).contains("\"head\":\"1\""))
                // One that the operator takes in beside the running server is heard of too.
                try li.replica.insert("by the operator")
                let second = try li.bundle()
                _ = try server.asOperator { try $0.apply(bundle: second) }
                let next = try #require(try await pieces.next())
                #expect(String(buffer: next).contains("\"head\":\"2\""))
                let refused = try await server.call(
                    .POST, "/v1/bundles", token: mette.person.token, body: [1, 2, 3])
                #expect(refused.status == 422 && refused.code == "bundle_refused")
            }
        }
    }
}
