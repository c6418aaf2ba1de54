// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a value that somebody wrote, and what would be right.
public struct InvalidValue: Error, Equatable, Sendable {
    public var problem: String
    public var remedy: String

    public init(_ problem: String, _ remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }
}

extension Field {
    /// The one form in which a value stands in records, change sets and digests.
    ///
    /// Text becomes NFC, sets are sorted without repeats, `null` becomes the field's default.
    /// - Throws: `InvalidValue` for what the schema doesn't allow.
    public func canonical(_ value: Value) throws(InvalidValue) -> Value {
        switch (kind, value) {
        case (_, .null): return standard
        case (.set, .set(let elements)): return try canonical(elements)
        case (.integer, .integer(let number)), (.counter, .integer(let number)),
            (.money, .integer(let number)):
            try check(number)
            return value
        case (.text, .text(let text)): return .text(try checked(text))
        case (.date, .text(let text)):
            guard CalendarDate.isValid(text) else {
                throw InvalidValue(
                    "`\(text.prefix(60))` is not a date", "Write YYYY-MM-DD, YYYY-MM or YYYY.")
            }
            return value
        case (.time, .text(let text)):
            guard CalendarDate.isValidTime(text) else {
                throw InvalidValue("`\(text.prefix(60))` is not a time", "Write YYYY-MM-DDTHH:MM.")
            }
            return value
        case (.enum, .text(let text)):
            // The one of the list: Swift takes what only looks like it, as the Kelvin sign, for the same.
            guard text.utf8.count <= Limits.elementByteLimit,
                let listed = values.first(where: { $0 == text })
            else {
                throw InvalidValue(
                    "`\(text.shortened)` is not a value of \(name)",
                    "Use one of: \(values.joined(separator: ", ")).")
            }
            return .text(listed)
        case (.reference, .text(let text)):
            guard RecordID(text) != nil else {
                throw InvalidValue(
                    "`\(text.prefix(60))` is not an id", "Write the full id of a record.")
            }
            return value
        case (.set, _):
            throw InvalidValue(
                "\(name) holds another type of value", #"Write a JSON array, as ["a","b"]."#)
        default:
            throw InvalidValue("\(name) holds another type of value", "Write a \(kind.rawValue).")
        }
    }

    private func canonical(_ elements: [String]) throws(InvalidValue) -> Value {
        guard elements.count <= Limits.setElementLimit else {
            throw InvalidValue(
                "\(name) has \(elements.count) elements",
                "Keep at most \(Limits.setElementLimit).")
        }
        for element in elements {
            guard !element.isEmpty, element.utf8.count <= Limits.elementByteLimit else {
                throw InvalidValue(
                    "an element of \(name) is empty or too long",
                    "Keep each within \(Limits.elementByteLimit) bytes.")
            }
            _ = try checked(element)
            if !values.isEmpty, !values.contains(element) {
                throw InvalidValue(
                    "`\(element)` is not a value of \(name)",
                    "Use: \(values.joined(separator: ", ")).")
            }
            if references, RecordID(element) == nil {
                throw InvalidValue("`\(element)` is not an id", "Write full ids of records.")
            }
        }
        return .set(of: elements)
    }

    private func check(_ number: Int64) throws(InvalidValue) {
        if let least, number < least {
            throw InvalidValue("\(number) is below \(least)", "Write \(least) or more.")
        }
        if let greatest, number > greatest {
            throw InvalidValue("\(number) is above \(greatest)", "Write \(greatest) or less.")
        }
    }

    private func checked(_ text: String) throws(InvalidValue) -> String {
        let limit = unique ? Limits.uniqueByteLimit : Limits.textByteLimit
        guard text.utf8.count <= limit else {
            throw InvalidValue(
                "\(name) has \(text.utf8.count) bytes", "Keep it within \(limit) bytes.")
        }
        var bytes = text
        guard bytes.withUTF8({ !$0.contains(0) }) else {
            throw InvalidValue("\(name) contains a NUL character", "Remove it.")
        }
        return text.normalized
    }
}

/// Dates of three precisions, in the proleptic Gregorian calendar (ISO 8601).
public enum CalendarDate {
    /// Whether it is `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, and a day that there is.
    public static func isValid(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { isValid($0) }
    }

    private static func isValid(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard [4, 7, 10].contains(text.count), let year = number(text, at: 0, digits: 4) else {
            return false
        }
        guard text.count > 4 else { return true }
        guard text[4] == UInt8(ascii: "-"), let month = number(text, at: 5, digits: 2),
            (1...12).contains(month)
        else { return false }
        guard text.count > 7 else { return true }
        guard text[7] == UInt8(ascii: "-"), let day = number(text, at: 8, digits: 2) else {
            return false
        }
        return (1...days(month, year)).contains(day)
    }

    /// Whether it is `YYYY-MM-DDTHH:MM`, a minute that there is.
    public static func isValidTime(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { text in
            guard text.count == 16, isValid(UnsafeBufferPointer(rebasing: text[..<10])),
                text[10] == UInt8(ascii: "T"), let hour = number(text, at: 11, digits: 2),
                text[13] == UInt8(ascii: ":"), let minute = number(text, at: 14, digits: 2)
            else { return false }
            return hour < 24 && minute < 60
        }
    }

    private static func days(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func number(
        _ text: UnsafeBufferPointer<UInt8>, at start: Int, digits: Int
    ) -> Int? {
        var number = 0
        for byte in text[start..<start + digits] {
            guard (48...57).contains(byte) else { return nil }
            number = number * 10 + Int(byte - 48)
        }
        return number
    }
}

extension ChangeSet {
    /// Checks what any sender could get wrong, against the schema alone.
    /// - Parameter kept: Edits that leave a shared value as it is, which a merge may have made.
    /// - Throws: `InvalidValue`.
    public func validate(_ schema: Schema, sparing kept: Set<EditPlace> = []) throws(InvalidValue) {
        try validateForm()
        for operation in operations {
            guard let collection = schema.collection(operation.collection) else {
                throw InvalidValue(
                    "there is no collection `\(operation.collection)`",
                    "Use a collection of the schema.")
            }
            try operation.validate(collection, sparing: kept)
        }
    }

    /// Checks what no schema allows.
    /// - Throws: `InvalidValue`.
    package func validateForm() throws(InvalidValue) {
        guard seed.count == 16, !operations.isEmpty else {
            throw InvalidValue("the change set is empty or has no seed", "Seal it again.")
        }
        // First of all: what follows compares names and values.
        for operation in operations {
            guard operation.collection.utf8.count <= Limits.nameByteLimit,
                operation.fields.allSatisfy({ $0.field.utf8.count <= Limits.nameByteLimit })
            else { throw InvalidValue("a name is too long", "Use names of the schema.") }
            guard
                operation.fields.allSatisfy({
                    $0.before.hasOrderedMarks && $0.after.hasOrderedMarks
                })
            else { throw InvalidValue("a text is not in NFC", "Normalise texts to NFC.") }
        }
        try validateTogether()
    }

    /// Checks what several operations do to one record: `Protocol/spec/model.md#change-sets`.
    private func validateTogether() throws(InvalidValue) {
        var written: Set<String> = []
        var known: Set<RecordID> = []
        for operation in operations {
            guard known.insert(operation.record).inserted || operation.kind != .delete else {
                throw InvalidValue(
                    "\(operation.collection) \(operation.record) is deleted after another operation on it",
                    "Seal the deletion alone.")
            }
            for edit in operation.fields where operation.kind != .delete {
                guard written.insert("\(operation.record)/\(edit.field)").inserted else {
                    throw InvalidValue(
                        "\(operation.collection).\(edit.field) of one record is written twice",
                        "Seal the first value before and the last after.")
                }
            }
        }
    }
}

/// Which field of which record an edit is of.
public struct EditPlace: Hashable, Sendable {
    public var record: RecordID
    public var field: String

    public init(_ record: RecordID, _ field: String) {
        self.record = record
        self.field = field
    }
}

extension Value {
    fileprivate var hasOrderedMarks: Bool {
        switch self {
        case .text(let text): text.hasOrderedMarks
        case .set(let elements): elements.allSatisfy(\.hasOrderedMarks)
        case .null, .integer: true
        }
    }
}

extension FieldEdit {
    /// Whether it is a *keep*: before and after are the same, byte for byte.
    public var keeps: Bool { before == after && before.canonicalBytes == after.canonicalBytes }
}

extension Operation {
    /// What each kind of operation may carry: `Protocol/spec/model.md#change-sets`.
    private func validateShape() throws(InvalidValue) {
        switch kind {
        case .insert where base != nil, .update where base != nil:
            throw InvalidValue(
                "an insert or update has a base of its own", "Give it to its fields.")
        case .insert where fields.contains { !$0.before.isNull }:
            throw InvalidValue("an insert has before-values", "Leave them out.")
        case .restore where !fields.isEmpty:
            throw InvalidValue("a restore has fields", "Write them in an update after it.")
        case .delete where fields.contains { !$0.before.isNull || !$0.after.isNull }:
            throw InvalidValue("a deletion has values", "Leave them out.")
        default: break
        }
    }

    private func givesBase(_ edit: FieldEdit, of collection: CollectionSchema) -> Bool {
        edit.before.isNull && edit.after.isNull && collection.field(edit.field) != nil
    }

    fileprivate func validate(
        _ collection: CollectionSchema, sparing kept: Set<EditPlace>
    ) throws(InvalidValue) {
        if collection.name == CollectionSchema.conflict.name {
            let settles =
                (kind == .delete && fields.allSatisfy { givesBase($0, of: collection) })
                || (kind == .update && fields.count == 1 && fields[0].field == "status"
                    && fields[0].after == .text("settled"))
            guard settles else {
                throw InvalidValue(
                    "only the merge writes conflicts", "Set `status` to `settled`, nothing else.")
            }
            return
        }
        try validateShape()
        for edit in fields {
            guard let field = collection.field(edit.field) else {
                throw InvalidValue(
                    "\(collection.name) has no field `\(edit.field)`", "Use a field of the schema.")
            }
            // A deletion's fields give bases alone.
            guard kind != .delete else { continue }
            guard kind != .insert || edit.after != field.standard else {
                throw InvalidValue(
                    "\(collection.name).\(edit.field) holds its default", "Leave it out.")
            }
            guard kept.isEmpty || !kept.contains(EditPlace(record, edit.field)) else { continue }
            guard try field.canonical(edit.after).canonicalBytes == edit.after.canonicalBytes else {
                throw InvalidValue(
                    "\(collection.name).\(edit.field) is not in canonical form",
                    "Normalise texts to NFC and sort sets.")
            }
        }
    }
}
