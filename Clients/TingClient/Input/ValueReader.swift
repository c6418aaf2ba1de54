// SPDX-License-Identifier: Apache-2.0

public import TingCore

/// Turns what a person typed into values, as the schema types each field.
///
/// Not `Sendable`: what finds references mostly holds a `Database`, which stays on its thread.
public struct ValueReader {
    /// Finds the full id that a short id or unique code means, among the collections given
    /// (any, when empty). Returns the text itself when it is a full id.
    public var reference: (_ text: String, _ collections: [String]) throws -> String

    public init(reference: @escaping (_ text: String, _ collections: [String]) throws -> String) {
        self.reference = reference
    }

    /// The value of `text` in `field`; empty text is the empty value.
    /// - Parameter exact: whether the text stands for itself, as one element in a set.
    /// - Throws: `InputError`, naming the field, what it allows, and an example.
    public func value(_ text: String, for field: Field, exact: Bool = false) throws -> Value {
        let text = text.normalized
        if text.isEmpty { return field.kind == .set ? .set([]) : emptied(field) }
        switch field.kind {
        case .text: return .text(text)
        case .date: return .text(try CalendarText.date(text, field: field.name))
        case .time: return .text(try CalendarText.time(text, field: field.name))
        case .enum: return .text(try allowed(text, in: field))
        case .reference: return .text(try reference(text, field.to))
        case .integer, .counter: return .integer(try integer(text, for: field))
        case .money: return .integer(try Money.minorUnits(text, field: field.name))
        case .set:
            let parts = exact ? [text] : try SetText.elements(text, field: field.name)
            return .set(of: try parts.map { try element($0, of: field) })
        }
    }

    /// One thing to do to a field.
    public struct Step: Equatable, Sendable {
        public var change: FieldInput.Change
        public var text: String
        /// Whether the text stands for itself, as one element in a set.
        public var isExact: Bool

        public init(_ change: FieldInput.Change, _ text: String, exact: Bool = false) {
            self.change = change
            self.text = text
            isExact = exact
        }
    }

    /// The value of `field` after all of `steps` were done to `current`, in order.
    /// - Throws: `InputError`, also where `current` can't be read as a set, and is not replaced.
    public func value(_ steps: [Step], for field: Field, current: Value) throws -> Value {
        guard field.kind == .set else {
            return try steps.reduce(current) { try value($1, for: field, current: $0) }
        }
        // Taken for empty, it would take away what everybody put there.
        if steps.first?.change != .assign { try mustBeSet(current, of: field) }
        // One set for all of them: made anew for each, many steps take time with their square.
        var elements = Set(current.elements)
        for step in steps {
            let removing = step.change == .remove
            // An element may hold a comma: what is there as a whole is meant as a whole.
            let whole = step.isExact || removing && elements.contains(step.text.normalized)
            let named = try value(step.text, for: field, exact: whole).elements
            switch step.change {
            case .assign: elements = Set(named)
            case .add: elements.formUnion(named)
            case .remove: elements.subtract(named)
            }
        }
        return .set(of: elements)
    }

    private func value(_ step: Step, for field: Field, current: Value) throws -> Value {
        let text = step.text
        guard step.change != .assign else {
            return try value(text, for: field, exact: step.isExact)
        }
        switch field.kind {
        case .counter:
            let number = try integer(text, for: field, bounded: false)
            let start = current.integer ?? field.standard.integer ?? 0
            let (sum, overflow) =
                step.change == .add
                ? start.addingReportingOverflow(number)
                : start.subtractingReportingOverflow(number)
            guard !overflow else { throw outOfRange(text, field) }
            return .integer(try inRange(sum, text, field))
        default:
            throw InputError(
                "`\(field.name)` is \(field.kind.article): `+=` and `-=` work on sets and counters.",
                remedy: "Write the whole value: `\(field.name)=VALUE`.")
        }
    }

    /// Refuses what another tool wrote that is no set: it is held back, and what was there before is beneath.
    private func mustBeSet(_ value: Value, of field: Field) throws {
        guard case .text = value else { return }
        do { _ = try field.canonical(value) } catch {
            throw InputError(
                "`\(field.name)` is held back as invalid: \(error.problem).",
                remedy: "\(error.remedy) `\(field.name)=a,b` replaces what stands there.")
        }
    }

    private func emptied(_ field: Field) -> Value {
        field.kind == .counter ? .integer(0) : .null
    }

    private func element(_ text: String, of field: Field) throws -> String {
        if field.references { return try reference(text, field.to) }
        return field.values.isEmpty ? text : try allowed(text, in: field)
    }

    private func allowed(_ text: String, in field: Field) throws -> String {
        if field.values.contains(text) { return text }
        if let found = field.values.first(where: { $0.lowercased() == text.lowercased() }) {
            return found
        }
        throw InputError(
            "`\(text)` is no value of `\(field.name)`.",
            remedy: "Allowed: \(field.values.joined(separator: ", ")).")
    }

    private func integer(_ text: String, for field: Field, bounded: Bool = true) throws -> Int64 {
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        guard let number = Int64(digits) else {
            if Self.isTooLarge(digits) { throw InputError.tooLarge(text, field.name) }
            throw InputError(
                "`\(text)` is no whole number, as `\(field.name)` wants one.",
                remedy: "Write digits alone: `\(field.name)=12`.")
        }
        return bounded ? try inRange(number, text, field) : number
    }

    /// Whether it is written as a whole number.
    private static func isTooLarge(_ digits: Substring) -> Bool {
        let rest = digits.first.map { "+-".contains($0) } == true ? digits.dropFirst() : digits
        return !rest.isEmpty && rest.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    private func inRange(_ number: Int64, _ text: String, _ field: Field) throws -> Int64 {
        if let least = field.least, number < least { throw outOfRange(text, field) }
        if let greatest = field.greatest, number > greatest { throw outOfRange(text, field) }
        return number
    }

    private func outOfRange(_ text: String, _ field: Field) -> InputError {
        let range =
            switch (field.least, field.greatest) {
            case (let least?, let greatest?): "between \(least) and \(greatest)"
            case (let least?, nil): "of at least \(least)"
            case (nil, let greatest?): "of at most \(greatest)"
            case (nil, nil): "that fits 64 bits"
            }
        return InputError(
            "`\(text)` is out of range for `\(field.name)`.",
            remedy: "It takes a whole number \(range).")
    }
}

extension Field.Kind {
    /// The kind with its article, for sentences.
    var article: String {
        switch self {
        case .enum: "a word from a list"
        case .integer: "an integer"
        case .text: "text"
        case .money: "an amount of money"
        case .date, .time, .reference, .set, .counter: "a \(rawValue)"
        }
    }
}
