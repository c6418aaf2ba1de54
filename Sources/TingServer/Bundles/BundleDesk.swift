// SPDX-License-Identifier: Apache-2.0

import Crypto
import TingCore
import TingStore
package import TingWire

/// Takes bundles in, whoever carries them, and gives the sealed reply.
///
/// A bundle is a sync that travels by hand: it is judged like one, so it may come twice, late, or
/// after a sync that brought the same.
package struct BundleDesk: Sendable {
    let accounts: Accounts
    let key: SealedBundle.PrivateKey

    package init(accounts: Accounts, key: SealedBundle.PrivateKey) {
        self.accounts = accounts
        self.key = key
    }

    /// A bundle that was opened, from a member who may sync.
    struct Opened: Sendable {
        var caller: Caller
        var access: Access
        var request: SyncRequest
        var replyKey: SealedBundle.PublicKey
    }

    /// Why a bundle is not taken: what a courier may know.
    package enum Refused: Error, Equatable {
        case unreadable(BundleError)
        /// It opened, and does not hold what it should.
        case malformed(String)
        /// Its sender is no device of a member of the workspace: not more than that is said.
        case sender
    }

    func open(_ file: [UInt8]) throws -> Opened {
        do {
            let contents = try SealedBundle.open(file, as: .toServer, with: key)
            var caller: Caller?
            let bundle = try BundleRequest(contents: contents) { device in
                let found = try accounts.sender(device)
                caller = found?.caller
                return found?.publicKey
            }
            guard bundle.serverKey == Array(key.publicKey.rawRepresentation) else {
                throw Refused.malformed("It was signed for another server.")
            }
            guard let replyKey = try? SealedBundle.PublicKey(rawRepresentation: bundle.replyKey),
                replyKey.givesSecret()
            else {
                throw Refused.malformed("reply_key: it is no X25519 key.")
            }
            guard let caller, let access = try accounts.access(of: caller, slug: bundle.workspace)
            else { throw Refused.sender }
            return Opened(
                caller: caller, access: access, request: bundle.whole, replyKey: replyKey)
        } catch let error as BundleError {
            throw Refused.unreadable(error)
        } catch let error as WireError {
            throw Refused.malformed("\(error.field): \(error.problem).")
        } catch is BundleRequest.NotSigned {
            throw Refused.sender
        }
    }

    /// Answers in pages, up to the head or to what a bundle holds, sealed to the device.
    func reply(
        _ opened: Opened, _ judgement: Workspace.Judgement, from file: Workspace, now: Int64
    ) throws -> [UInt8] {
        var request = opened.request
        request.pageByteLimit = Limits.pageByteLimit
        var judgement = judgement
        var reply = BundleReply(workspace: opened.access.slug, answers: [])
        var sealed: [UInt8] = []
        while true {
            let version = try accounts.membersVersion(of: opened.access.workspace)
            let isNews = version != request.membersVersion || request.membersVersion == 0
            let response = try file.reply(
                to: request, judgement: judgement, role: opened.access.role,
                members: isNews && reply.answers.isEmpty
                    ? try accounts.members(of: opened.access.workspace) : nil,
                membersVersion: version, now: now)
            reply.answers.append(
                .init(replica: request.replica, base: request.base, response: response))
            do {
                sealed = try seal(reply, to: opened)
            } catch BundleError.tooLarge where !sealed.isEmpty {
                // The next bundle brings what has no room in this one.
                return sealed
            }
            guard let last = response.entries.last, last.version < response.head else {
                return sealed
            }
            request.base.version = last.version
            request.historyDigest = response.historyDigest
            request.stateDigest = response.stateDigest
            judgement = Workspace.Judgement()
        }
    }

    private func seal(_ reply: BundleReply, to opened: Opened) throws -> [UInt8] {
        try SealedBundle.seal(reply.contents(), as: .reply, to: opened.replyKey, by: key)
    }
}

extension Operator {
    /// Takes in a bundle that came by hand, beside the running server or without one.
    ///
    /// - Returns: the sealed reply, how many change sets the bundle brought, and how many were judged: none
    ///   of what was made on another history, or of a copied replica.
    package func apply(bundle file: [UInt8]) throws -> (
        reply: [UInt8], deliveries: Int, judged: Int
    ) {
        let desk = BundleDesk(accounts: accounts, key: try BundleKeyFile.load(folder))
        do {
            let opened = try desk.open(file)
            let workspace = try open(opened.access.workspace, opened.access.slug)
            defer { try? workspace.close() }
            var submission = Workspace.Submission(
                request: opened.request, member: opened.caller.member, role: opened.access.role,
                quota: opened.access.quota)
            var outcome = Workspace.Judgement()
            repeat {
                outcome = try workspace.accept([submission], now: now())[0]
            } while submission.goesOn(after: outcome)
            // A running server hears of it by this, and tells who follows.
            try accounts.note(
                Accounts.bundleApplied, workspace: opened.access.workspace,
                subject: opened.caller.device.description)
            let reply = try desk.reply(opened, outcome, from: workspace, now: now())
            return (reply, opened.request.deliveries.count, outcome.verdicts.count)
        } catch let refused as BundleDesk.Refused {
            throw ServerError(refused.sentence, hint: refused.hint)
        }
    }
}

extension BundleDesk.Refused {
    package var sentence: String {
        switch self {
        case .unreadable(let error): error.sentence
        case .malformed(let detail): "The bundle does not hold what it should. \(detail)"
        case .sender:
            "The bundle's sender is not a device of a member who may sync, or was revoked."
        }
    }

    package var hint: String {
        switch self {
        case .unreadable(let error): error.remedy
        case .malformed: "Ask its sender for a new one, made with a present version of Ting."
        case .sender:
            "Nothing is lost: its sender has the edits still. See `tingd devices` and `tingd members`."
        }
    }
}
