// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Packs sealed operations into change sets, and puts those into the outbox.
extension Sealer {
    func pack(_ drafts: [SealDraft], _ message: String) throws {
        var group: [SealDraft] = []
        var bytes = 0
        for draft in drafts {
            guard let operation = draft.operation else { continue }
            let size = operation.estimatedBytes
            if !group.isEmpty,
                bytes + size > Limits.changeSetByteLimit / 2 || group.count >= Limits.operationLimit
            {
                try append(group, message)
                (group, bytes) = ([], 0)
            }
            group.append(draft)
            bytes += size
        }
        if !group.isEmpty { try append(group, message) }
    }

    private func append(_ drafts: [SealDraft], _ message: String) throws {
        guard let first = drafts.first else { return }
        let (id, seed) = try identify(first.fold.draft)
        let changeSet = ChangeSet(
            id: id, seed: seed, schema: replica.schema.version, base: identity.base,
            seen: try replica.outboxHeads(db),
            message: message.normalized.prefix(bytes: Limits.messageByteLimit),
            time: drafts.reduce(0) { max($0, $1.fold.time) },
            operations: drafts.compactMap(\.operation))
        try replica.enqueue(db, changeSet, identity.base)
    }

    /// Id and seed from the first note's random bytes; new ones where the id is taken, because one
    /// window of notes filled several change sets.
    private func identify(_ draft: [UInt8]) throws -> (ChangeSetID, seed: [UInt8]) {
        if draft.count == 32, let id = ChangeSetID(bytes: draft.prefix(16))?.asVersion4,
            try !replica.knows(db, id)
        {
            return (id, Array(draft.suffix(16)))
        }
        var random = SQLiteRandomness(db: db)
        return (.random(using: &random), (0..<16).map { _ in .random(in: 0...255, using: &random) })
    }
}

extension TingCore.Operation {
    fileprivate var estimatedBytes: Int {
        fields.reduce(80) { sum, edit in
            sum + 40 + edit.field.utf8.count + edit.before.estimatedBytes
                + edit.after.estimatedBytes
        }
    }
}

extension Value {
    fileprivate var estimatedBytes: Int {
        switch self {
        case .null: 1
        case .integer: 9
        case .text(let text): text.utf8.count + 5
        case .set(let elements): elements.reduce(3) { $0 + $1.utf8.count + 3 }
        }
    }
}

extension ID {
    /// The same bits, marked as random (version 4).
    fileprivate var asVersion4: ID {
        ID(
            high: high & ~0xf000 | 0x4000,
            low: low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000)
    }
}

extension String {
    /// As many whole characters from the start as fit into so many UTF-8 bytes.
    fileprivate func prefix(bytes limit: Int) -> String {
        var (text, count) = ("", 0)
        for character in self {
            count += character.utf8.count
            if count > limit { break }
            text.append(character)
        }
        return text
    }
}
