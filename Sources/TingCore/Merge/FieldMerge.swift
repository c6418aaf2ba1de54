// SPDX-License-Identifier: Apache-2.0

/// What becomes of one field when one edit arrives.
///
/// Pure and total: every input has an outcome, so nothing is thrown.
/// - SeeAlso: `Protocol/spec/merge.md#fields`.
public struct FieldMerge: Equatable, Sendable {
    /// The value afterwards.
    public var value: Value
    /// How the edit stands among the writers of the value.
    public var writer: Writer
    /// The value that is not in `value` and waits in a conflict, if one does.
    public var conflict: Conflict?

    public enum Writer: Equatable, Sendable {
        /// The edit alone wrote the value.
        case alone
        /// The edit wrote it too, or agreed with it.
        case joins
        /// The edit is history; the writers are those from before.
        case none
    }

    public struct Conflict: Equatable, Sendable {
        public var kind: ConflictKind
        public var other: Value
        /// Whether `other` is the value that arrived, rather than the one that was there.
        public var otherIsIncoming: Bool
    }

    /// One edit as it meets the field.
    public struct Input: Sendable {
        public var field: Field
        public var before: Value
        public var current: Value
        public var after: Value
        /// Whether a writer of the current value is unseen by the author.
        public var writerUnseen: Bool
        /// Whether any accepted edit of the field is unseen by the author.
        public var editUnseen: Bool
        /// Edit times by the server's clock, in milliseconds.
        public var currentTime: Int64
        public var time: Int64
        /// Whether the edit continues a value that waited in a conflict, which it closed.
        public var continuesOther: Bool

        public init(
            field: Field, before: Value, current: Value, after: Value, writerUnseen: Bool,
            editUnseen: Bool, currentTime: Int64, time: Int64, continuesOther: Bool = false
        ) {
            self.field = field
            self.before = before
            self.current = current
            self.after = after
            self.writerUnseen = writerUnseen
            self.editUnseen = editUnseen
            self.currentTime = currentTime
            self.time = time
            self.continuesOther = continuesOther
        }

        /// On a tie the later version is the later.
        var isLater: Bool { time >= currentTime }
    }

    init(_ value: Value, _ writer: Writer, _ conflict: Conflict? = nil) {
        self.value = value
        self.writer = writer
        self.conflict = conflict
    }

    /// Merges every policy but `set`, which `SetMerge` does.
    /// - Parameter steps: What aligning texts may still cost; less of it is left afterwards.
    public init(_ input: Input, steps: inout Int) {
        switch input.field.policy {
        case .latest, .set: self = Self.latest(input)
        case .review: self = Self.review(input)
        case .text: self = Self.text(input, &steps)
        case .counter: self = Self.counter(input)
        case .max: self = Self.extreme(input) { $0 >= $1 }
        case .min: self = Self.extreme(input) { $0 <= $1 }
        }
    }

    private static func latest(_ input: Input) -> FieldMerge {
        guard input.writerUnseen else { return FieldMerge(input.after, .alone) }
        if input.current == input.after { return FieldMerge(input.current, .joins) }
        return input.isLater
            ? FieldMerge(
                input.after, .alone,
                Conflict(kind: .field, other: input.current, otherIsIncoming: false))
            : FieldMerge(
                input.current, .none,
                Conflict(kind: .field, other: input.after, otherIsIncoming: true))
    }

    private static func review(_ input: Input) -> FieldMerge {
        guard input.writerUnseen else { return FieldMerge(input.after, .alone) }
        if input.current == input.after { return FieldMerge(input.current, .joins) }
        return FieldMerge(
            input.current, .none,
            Conflict(kind: .proposal, other: input.after, otherIsIncoming: true))
    }

    private static func text(_ input: Input, _ steps: inout Int) -> FieldMerge {
        if input.current == input.after {
            return FieldMerge(input.current, input.writerUnseen ? .joins : .alone)
        }
        if !input.writerUnseen, input.current == input.before {
            return FieldMerge(input.after, .alone)
        }
        let merge = TextMerge(
            base: input.before.text ?? "", current: input.current.text ?? "",
            incoming: input.after.text ?? "", later: input.isLater ? .incoming : .current,
            steps: &steps)
        let cleared = merge.text.isEmpty && (input.after.isNull || input.current.isNull)
        let value: Value = cleared ? .null : .text(merge.text)
        // An unseen writer put the text there just as the author saw it: they meant it to stay.
        let restored = input.writerUnseen && input.current == input.before
        let other: Conflict? =
            if restored || (merge.overlaps && input.isLater) {
                Conflict(kind: .text, other: input.current, otherIsIncoming: false)
            } else if merge.overlaps || (input.continuesOther && value != input.after) {
                Conflict(kind: .text, other: input.after, otherIsIncoming: true)
            } else {
                nil
            }
        return FieldMerge(value, input.writerUnseen ? .joins : .alone, other)
    }

    private static func counter(_ input: Input) -> FieldMerge {
        let current = input.current.integer ?? 0
        let (step, far) = (input.after.integer ?? 0)
            .subtractingReportingOverflow(input.before.integer ?? 0)
        let (sum, over) = current.addingReportingOverflow(step)
        guard !far, !over else {
            let up = (input.after.integer ?? 0) > (input.before.integer ?? 0)
            return FieldMerge(.integer(up ? .max : .min), .joins)
        }
        return FieldMerge(.integer(sum), .joins)
    }

    private static func extreme(_ input: Input, _ wins: (Int64, Int64) -> Bool) -> FieldMerge {
        guard input.editUnseen, let current = input.field.rank(of: input.current) else {
            return FieldMerge(input.after, .alone)
        }
        if input.current == input.after { return FieldMerge(input.current, .joins) }
        guard let after = input.field.rank(of: input.after) else {
            return FieldMerge(input.current, .none)
        }
        let incomingWins =
            switch (current, after) {
            case (.number(let a), .number(let b)): wins(b, a)
            case (.text(let a), .text(let b)):
                wins(b.utf8.lexicographicallyPrecedes(a.utf8) ? -1 : a == b ? 0 : 1, 0)
            default: true
            }
        return incomingWins ? FieldMerge(input.after, .alone) : FieldMerge(input.current, .none)
    }
}

extension Field {
    enum Rank {
        case number(Int64)
        case text(String)
    }

    /// Where a value stands in the field's order; `nil` for null, which loses to every value.
    func rank(of value: Value) -> Rank? {
        switch value {
        case .null, .set: nil
        case .integer(let integer): .number(integer)
        case .text(let text): values.firstIndex(of: text).map { .number(Int64($0)) } ?? .text(text)
        }
    }
}

/// What becomes of a set: additions and removals of both, an unseen addition before a removal.
public struct SetMerge: Equatable, Sendable {
    /// The additions that stand afterwards, by element.
    public let additions: [String: Set<Version>]

    public var value: Value { .set(of: additions.keys) }

    public init(
        additions: [String: Set<Version>], before: Value, after: Value, version: Version,
        seen: (Version) -> Bool
    ) {
        var standing = additions
        let (old, new) = (Set(before.elements), Set(after.elements))
        for element in old.subtracting(new) {
            let left = (standing[element] ?? []).filter { !seen($0) }
            standing[element] = left.isEmpty ? nil : left
        }
        for element in new.subtracting(old) { standing[element, default: []].insert(version) }
        self.additions = standing
    }
}
