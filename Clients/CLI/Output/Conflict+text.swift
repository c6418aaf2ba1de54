// SPDX-License-Identifier: Apache-2.0

import TingClient
import TingCore

/// A conflict in JSON, and in words.
extension Conflict {
    func json(_ names: RecordText) -> JSONValue {
        .object([
            ("id", .text(id.description)), ("collection", .text(collection)),
            ("record", .text(record)),
            ("field", .text(field?.name)), ("kind", .text(kind)), ("before", JSONValue(before)),
            ("kept", JSONValue(kept)), ("other", JSONValue(other)),
            ("kept_by", .text(names.member(keptBy))), ("other_by", .text(names.member(otherBy))),
            ("opened_version", openedVersion.map { .integer($0) } ?? .null),
            ("status", .text(status)),
        ])
    }

    /// What happened, in one sentence without values; and what has become of the record since.
    func sentence(_ names: RecordText) -> String {
        let sentence = opening(names)
        guard isRecordDeleted else { return sentence }
        return "\(sentence); the record is deleted since: `ting restore \(record)` brings it back"
    }

    /// What happened when it opened: whoever wrote the value since had no part in it.
    private func opening(_ names: RecordText) -> String {
        let one = names.member(firstKeptBy) ?? "somebody"
        let two = names.member(otherBy) ?? "somebody"
        let what = "\(collection) \(recordName.isEmpty ? record : recordName)"
        let place = field.map { "\($0.name) of \(what)" } ?? what
        return switch kind {
        case "proposal": "\(two) proposes another \(place), which \(one) wrote"
        case "deleted":
            "\(two) deleted \(place), \(one) edited it" + (isRecordDeleted ? "" : ": it stays")
        case "parent": "\(two) deleted \(place): it came back for what \(one) wrote below it"
        case "unique": "\(place) was taken already: \(two)'s got a suffix"
        case "text": "\(one) and \(two) changed the same words in \(place)"
        case "rule": "\(place) breaks a rule since the merge (\(one), \(two))"
        default: "\(one) and \(two) changed \(place)"
        }
    }
}
