// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore
public import TingStore

/// Something about a replica that a person should know, or has to see to.
public struct Notice: Equatable, Sendable {
    /// Stable, for programs.
    public var code: String
    /// What it is, for people: one sentence.
    public var sentence: String
    /// What a person can do now: one sentence.
    public var remedy: String

    public init(code: String, sentence: String, remedy: String) {
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
    }
}

extension Notice {
    /// What another tool wrote that only the merge may write.
    public init(putBack edit: InvalidEdit) {
        let place = edit.field.map { ".\($0)" } ?? ""
        self.init(
            code: "put_back",
            sentence: "Put back: \(edit.collection)\(place) of \(edit.record): \(edit.problem).",
            remedy: edit.remedy)
    }
}

extension ClientHome {
    /// Whether this device is signed in at the server of a replica, as far as it has heard: with a token.
    public func isSignedIn(for identity: Replica.Identity) throws -> Bool {
        guard let server = try configuration().server(identity.server), server.isRefused != true
        else { return false }
        return (try? token(of: server)) != nil
    }

    /// Notes whether a server took the token of this device.
    public func note(refused: Bool, by url: String) throws {
        guard let server = try configuration().server(url), (server.isRefused ?? false) != refused
        else { return }
        try update { known in
            for index in known.servers.indices where known.servers[index].url == url {
                known.servers[index].isRefused = refused ? true : nil
            }
        }
    }

    /// What stands in the way of a replica's edits, as far as it shows without the network.
    /// - Parameter now: Milliseconds since 1970 on this machine's clock.
    public func notices(
        _ status: ReplicaStatus, of identity: Replica.Identity, path: String, now: Int64
    ) throws -> [Notice] {
        var notices: [Notice] = []
        if try !isSignedIn(for: identity) {
            let place = ServerAddress(identity.server)?.authority ?? "its server"
            let isRefused = try configuration().server(identity.server)?.isRefused == true
            notices.append(
                Notice(
                    code: "not_signed_in",
                    sentence: isRefused
                        ? "This device was revoked at \(place)."
                        : "This device is signed out of \(place).",
                    remedy: "Edits are kept and can go on offline; `ting join ADDRESS` signs in."))
        }
        if status.isRemoved {
            notices.append(
                Notice(
                    code: "not_a_member",
                    sentence:
                        "You are no member of \(status.workspace) any more, or it is gone.",
                    remedy:
                        "Edits are kept and can go on offline; ask an owner to invite you again."))
        }
        if let latest = [status.lastSync, status.oldestUnsynced].compactMap({ $0 }).max(),
            latest > now + Self.clockTolerance
        {
            notices.append(
                Notice(
                    code: "clock_wrong",
                    sentence:
                        "This computer's clock is behind what it was at the last sync or edit.",
                    remedy: "Check the date; edits are kept, and merge right all the same."))
        }
        if status.isSuspect {
            notices.append(
                Notice(
                    code: "digest_differs",
                    sentence: "Records here are not what was received: `ting verify` found it.",
                    remedy: "Run `ting sync`: it mends what differs, and keeps what is unsynced."))
        }
        if let code = status.unsealed {
            let problem = SyncSession.problem(code)
            notices.append(
                Notice(
                    code: problem.code,
                    sentence: "Edits by other tools wait to be taken up: \(problem.sentence)",
                    remedy: problem.remedy))
        } else if Self.isFull(path) {
            notices.append(
                Notice(
                    code: "storage_full", sentence: "The disk is full: edits can't be kept.",
                    remedy: "Free some space; what was kept is safe."))
        }
        return notices + status.deferred.map(Self.deferral)
    }

    /// Clocks of one machine differ by this much between boots.
    private static let clockTolerance: Int64 = 60_000

    /// Bytes below which SQLite can't begin a transaction: its log's index alone takes 32 KiB.
    private static let leastRoom = 64 << 10

    private static func isFull(_ path: String) -> Bool {
        var room = statvfs()
        let folder = (path as NSString).deletingLastPathComponent
        guard statvfs(folder, &room) == 0 else { return false }
        let (free, isEndless) = UInt(room.f_bavail).multipliedReportingOverflow(by: room.f_frsize)
        return !isEndless && free < UInt(leastRoom)
    }

    /// From `code: detail`, as the outbox keeps it.
    private static func deferral(_ text: String) -> Notice {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let name = parts.first ?? ""
        let code = Deferral(rawValue: name)
        let detail = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : text
        return Notice(
            code: name,
            sentence: "Edits wait: \(detail.prefix(1).lowercased() + detail.dropFirst())",
            remedy: name == Replica.acceptedMark
                ? "They are safe, don't make them again: they leave the outbox with the next `ting sync` on a line."
                : code?.remedy ?? "They are kept and sent again.")
    }
}
