// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore

/// What files hold: change sets, effects, schemas, and bundles that a courier brings.
enum StoredFuzz {
    static func run(_ bytes: [UInt8]) throws {
        if let changeSet = try? ChangeSet(storedBytes: bytes) {
            let again = try ChangeSet(storedBytes: changeSet.storedBytes)
            try FuzzFinding.check(again == changeSet, "a stored change set changes")
            try FuzzFinding.check(again.hash == changeSet.hash, "its hash changes")
        }
        if let effects = try? Effect.read(storedBytes: bytes) {
            let again = try Effect.read(storedBytes: Effect.storedBytes(effects))
            try FuzzFinding.check(again == effects, "stored effects change")
        }
        if let schema = Schema(json: String(decoding: bytes, as: UTF8.self)) {
            try FuzzFinding.check(Schema(json: schema.json) == schema, "a schema changes")
            try FuzzFinding.check(
                schema.problems(following: schema).isEmpty, "a schema does not follow itself")
        }
        try BundleFuzz.run(file: bytes)
    }
}

/// A value in JSON, and what each kind of field makes of it.
enum ValueFuzz {
    static func run(_ bytes: [UInt8]) throws {
        guard let value = Value(json: String(decoding: bytes, as: UTF8.self)) else { return }
        try FuzzFinding.check(Value(json: value.json) == value, "a value changes in JSON")
        for field in Self.fields {
            guard let canonical = try? field.canonical(value) else { continue }
            try FuzzFinding.check(
                (try? field.canonical(canonical)) == canonical,
                "the canonical form of a \(field.kind) is not canonical")
        }
    }

    private static let fields = Field.Kind.allCases.map {
        Field($0.rawValue, $0, .latest, values: ["a", "b"], least: -5, greatest: 1 << 40)
    }
}

/// Three texts, parted by the byte 0xff, which UTF-8 does not have.
enum MergeFuzz {
    static func run(_ bytes: [UInt8]) throws {
        let parts = bytes.split(separator: 0xff, maxSplits: 2, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self).normalized }
        guard parts.count == 3 else { return }
        let (base, current) = (parts[0], parts[1])
        for steps in [bytes.count, Limits.mergeStepLimit] {
            try check(base, current, parts[2], steps: steps)
        }
    }

    private static func check(
        _ base: String, _ current: String, _ incoming: String, steps: Int
    ) throws {
        func merge(_ incoming: String, _ later: TextMerge.Side) -> TextMerge {
            var steps = steps
            return TextMerge(
                base: base, current: current, incoming: incoming, later: later, steps: &steps)
        }
        let merged = merge(incoming, .incoming)
        try FuzzFinding.check(merged.text.isNormalized, "a merged text is not in NFC")
        let other = merge(incoming, .current)
        try FuzzFinding.check(
            merged.overlaps == other.overlaps, "overlap depends on which side is later")
        if !merged.overlaps {
            try FuzzFinding.check(merged.text == other.text, "no overlap, and yet two results")
        }
        let unchanged = merge(base, .incoming)
        try FuzzFinding.check(
            unchanged.text == current && !unchanged.overlaps, "no edit, and yet a change")
    }
}
