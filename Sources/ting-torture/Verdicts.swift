// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Synchronization
import TingCore
import TingStore

/// What a run has shown to be wrong.
struct Finding: Error, Equatable, Sendable, CustomStringConvertible {
    enum Verdict: String, CaseIterable, Sendable {
        /// L: an acknowledged write is nowhere.
        case lost
        /// I: server and replicas differ, or something is there twice.
        case different
        /// S: something waits still, though nothing is in its way.
        case stuck
        /// A sentence, a code or a promise other than these three is not kept.
        case wrong
    }

    var verdict: Verdict
    var what: String
    /// The run that showed it, as the command that repeats it.
    var run = ""

    init(_ verdict: Verdict, _ what: String) { (self.verdict, self.what) = (verdict, what) }

    var description: String { "\(verdict.rawValue): \(what)" + (run.isEmpty ? "" : " (\(run))") }
}

extension World {
    /// Ends all faults, has everybody sync, and gives what is then not as it must be.
    ///
    /// - Parameter verifies: Whether digests are recomputed from the files, by all programs.
    func judge(verifies: Bool = true) throws -> [Finding] {
        var findings = try settle()
        guard findings.isEmpty else { return findings }
        let head = try server.head()
        if head.epoch != epoch {
            findings.append(Finding(.different, "the epoch changed from \(epoch) to \(head.epoch)"))
        }
        for member in members {
            let found = try member.head()
            if found != head {
                findings.append(
                    Finding(.different, "\(member.name) has \(found), the server \(head)"))
            }
            findings += try traces(of: member)
            if verifies { findings += Self.sound(try member.ting(["verify"]), member.name) }
        }
        if verifies {
            findings += Self.sound(
                try server.run(["verify", "--data", server.data]), "the server")
        }
        return findings + (try account())
    }

    /// S: everyone syncs, and then once more for what the others brought.
    private func settle() throws -> [Finding] {
        for _ in 0..<2 {
            for member in members {
                let synced = try member.ting(["sync", "--timeout", "20"])
                guard synced.ending == .exited(0) || synced.ending == .exited(5) else {
                    return [Finding(.stuck, "\(member.name) can't sync: \(synced.complaint)")]
                }
                member.journal.withLock { $0.sealed() }
            }
        }
        return try members.compactMap { member in
            let status = try member.status()
            let waits = ["outbox", "invalid"].filter { status[$0] as? Int != 0 }
            return waits.isEmpty
                ? nil
                : Finding(
                    .stuck,
                    waits.map { "\(member.name): \($0) holds \(status[$0] ?? "?")" }
                        .joined(separator: ", "))
        }
    }

    /// What a replica leaves behind when it was mended or started over: nothing here may need that.
    private func traces(of member: Member) throws -> [Finding] {
        let path = try member.replica() as NSString
        let files = try FileManager.default.contentsOfDirectory(
            atPath: path.deletingLastPathComponent)
        var findings = files.filter { $0.contains(".before-") }.map {
            Finding(.different, "\(member.name) started over and kept \($0)")
        }
        let replica = try member.open()
        defer { try? replica.close() }
        let mended = try replica.read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM ting_mended") ?? 0
        }
        if mended > 0 {
            findings.append(Finding(.different, "\(member.name) had \(mended) records mended"))
        }
        return findings
    }

    private static func sound(_ result: Programs.Result, _ who: String) -> [Finding] {
        result.succeeded
            ? [] : [Finding(.different, "\(who) does not verify: \(result.complaint)")]
    }

    /// L: every acknowledged word is in the history or in its author's quarantine, and none twice.
    private func account() throws -> [Finding] {
        let replica = try members[0].open()
        defer { try? replica.close() }
        let history = Ledger(try replica.history(of: nil).map(\.changeSet))
        var findings: [Finding] = []
        for member in members {
            let own = try member.open()
            defer { try? own.close() }
            let aside = Ledger(try own.quarantine().map(\.changeSet))
            let journal = member.journal.withLock { $0 }
            let missing = journal.acknowledged.subtracting(history.words)
                .subtracting(aside.words)
            findings += missing.sorted().map {
                Finding(.lost, "\($0), acknowledged to \(member.name), is nowhere")
            }
        }
        findings += history.doubled.map { Finding(.different, "\($0) is in the history twice") }
        return findings + (try counters(replica))
    }

    private func counters(_ replica: Replica) throws -> [Finding] {
        try tasks.compactMap { task in
            let value = try replica.read { db in
                try Int.fetchOne(
                    db, sql: "SELECT spent_h FROM task WHERE id = ?", arguments: [task])
            }
            let counts = members.compactMap { member in
                member.journal.withLock { $0.increments[task] }
            }
            let (sure, perhaps) = (
                counts.map(\.sure).reduce(0, +), counts.map(\.perhaps).reduce(0, +)
            )
            guard let value else { return Finding(.lost, "the task \(task) is gone") }
            if value < sure {
                return Finding(.lost, "a counter stands at \(value) after \(sure) increments")
            }
            guard value > sure + perhaps else { return nil }
            return Finding(
                .different, "a counter stands at \(value) after at most \(sure + perhaps)")
        }
    }
}

extension Member {
    func head() throws -> Head {
        let status = try status()
        guard let version = status["version"] as? Int, let epoch = status["epoch"] as? String,
            let digest = status["digest"] as? String
        else { throw Trouble("ting status is not complete") }
        return Head(version: version, epoch: epoch, digest: digest)
    }
}

/// The words that stand in change sets.
private struct Ledger {
    private(set) var words: Set<String> = []
    private(set) var doubled: [String] = []

    init(_ changeSets: [ChangeSet]) {
        var whole: Set<String> = []
        for changeSet in changeSets {
            // Who settles a conflict writes once more what somebody else had written.
            let settles = changeSet.operations.contains { $0.collection == "conflict" }
            for edit in changeSet.operations.flatMap(\.fields) where edit.before != edit.after {
                words.formUnion(edit.after.elements)
                guard let text = edit.after.text else { continue }
                words.formUnion(text.split(separator: " ").map(String.init))
                if !settles, !whole.insert(text).inserted, Self.isWord(text) {
                    doubled.append(text)
                }
            }
        }
    }

    /// Whether it reads as a journal's word: a name and a count.
    private static func isWord(_ text: String) -> Bool {
        let count = text.drop(while: \.isLetter)
        return count.startIndex > text.startIndex && Int(count) != nil
    }
}
