// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// How much a sealer puts into one change set.
struct ChangeSetRoom {
    var operations = Limits.operationLimit
    /// Half of what a change set may have: sizes are estimated before it is put together.
    var bytes = Limits.changeSetByteLimit / 2
}

/// Packs sealed operations into change sets, and puts those into the outbox.
extension Sealer {
    func pack(_ drafts: [SealDraft], _ message: String) throws {
        let sealed = drafts.filter { $0.operation != nil }
        guard !sealed.isEmpty else { return }
        // Some notes have no bytes of their own: two copies would never agree on what they make up. An edit
        // that was taken back since was the first all the same; one that is held back names its own.
        let first =
            drafts.first { $0.fold.draft.count == 32 && $0.invalid.isEmpty } ?? sealed[0]
        if sealed.count <= room.operations, sealed.estimatedBytes <= room.bytes {
            return try append(sealed, message, first)
        }
        for group in SealGroups(drafts, room).groups { try append(group, message, first) }
    }

    /// - Parameter first: Whose first note identifies the change set, and the others of one writing. As the
    ///   order of the notes gives it, two copies of a file agree, even where deletions noted since go first.
    private func append(_ drafts: [SealDraft], _ message: String, _ first: SealDraft) throws {
        let (id, seed) = try identify(first.fold.draft)
        let changeSet = ChangeSet(
            id: id, seed: seed, schema: replica.schema.version, base: identity.base,
            seen: try seen(drafts),
            message: message.filter { $0 != "\0" }.normalized
                .prefix(bytes: Limits.messageByteLimit),
            time: drafts.reduce(0) { max($0, $1.fold.time) },
            operations: drafts.compactMap(\.operation))
        try replica.enqueue(db, changeSet, identity.base)
    }

    /// What lies in the outbox, and what lay there as the edits were held back that are sealed now.
    private func seen(_ drafts: [SealDraft]) throws -> [Hash] {
        let heads = try replica.outboxHeads(db)
        var known = Set(heads)
        let held = try drafts.lazy.flatMap(\.heldSeen).sorted { $0.key < $1.key }.flatMap(\.value)
            .filter { try known.insert($0).inserted && !replica.isWaiting(db, $0) }
        return Array((heads + held).prefix(Limits.deliveryLimit))
    }

    /// Id and seed from the first note's random bytes; where the id is taken, because the edits of one
    /// note filled several change sets, from their hash.
    private func identify(_ draft: [UInt8]) throws -> (ChangeSetID, seed: [UInt8]) {
        var draft = draft
        while draft.count == 32, let id = ChangeSetID(bytes: draft.prefix(16))?.asVersion4 {
            guard try replica.knows(db, id) else { return (id, Array(draft.suffix(16))) }
            draft = Hash(of: draft).bytes
        }
        var random = SQLiteRandomness(db: db)
        return (.random(using: &random), (0..<16).map { _ in .random(in: 0...255, using: &random) })
    }
}

extension [SealDraft] {
    var estimatedBytes: Int {
        reduce(0) { $0 + ($1.operation?.estimatedBytes ?? 0) }
    }
}

extension TingCore.Operation {
    var estimatedBytes: Int {
        fields.withUnsafeBufferPointer { edits in
            edits.indices.reduce(80) { $0 + edits[$1].estimatedBytes }
        }
    }
}

extension FieldEdit {
    var estimatedBytes: Int {
        40 + field.utf8.count + before.estimatedBytes + after.estimatedBytes
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
