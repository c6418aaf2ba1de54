// SPDX-License-Identifier: Apache-2.0

/// What makes a schema fit to be used, and a legal successor of a released one:
/// `Protocol/spec/model.md#growing`.
extension Schema {
    /// Names of tables that belong to Ting; so do those that begin with `ting_` or `sqlite_`.
    static let reservedNames: Set<String> = ["conflict", "history", "member"]

    /// What is wrong with the schema by itself, each a sentence; empty when all is well.
    ///
    /// A schema may come from a server: its names become names of tables and columns.
    public var problems: [String] {
        var found: [String] = []
        if version < 1 { found.append("The version is \(version), not 1 or more.") }
        found += Self.repeated(collections.map(\.name)).map { "There are two collections \($0)." }
        for collection in written {
            let name = collection.name
            if !Self.isName(name) || Self.reservedNames.contains(name)
                || name.hasPrefix("ting_") || name.hasPrefix("sqlite_")
            {
                found.append("“\(name)” can't name a collection.")
            }
            found += Self.repeated(collection.fields.map(\.name)).map {
                "\(name) has two fields \($0)."
            }
            for field in collection.fields where !Self.isName(field.name) || field.name == "id" {
                found.append("“\(field.name)” can't name a field of \(name).")
            }
            if collection.fields.count(where: \.parent) > 1 {
                found.append("\(name) has two parents.")
            }
        }
        return found
    }

    /// Why this schema can't follow the older one, each a sentence; empty where it may.
    ///
    /// A successor only grows: what an older program wrote means the same to a newer one, and what a
    /// newer one adds is left out where it holds its default.
    public func problems(following older: Schema) -> [String] {
        guard name == older.name else { return ["\(name) is not \(older.name)."] }
        var found = problems
        if version < older.version {
            found.append("Version \(version) does not follow \(older.version).")
        }
        for before in older.written {
            guard let now = collection(before.name) else {
                found.append("The collection \(before.name) is gone.")
                continue
            }
            for field in before.fields {
                guard let grown = now.field(field.name) else {
                    found.append("\(before.name).\(field.name) is gone.")
                    continue
                }
                found += grown.changes(since: field).map { "\(before.name).\(field.name): \($0)" }
            }
            if before.parent == nil, let parent = now.parent, before.field(parent.name) != nil {
                found.append("\(before.name).\(parent.name) became the parent.")
            }
        }
        return found
    }

    private static func isName(_ text: String) -> Bool {
        (1...Limits.nameByteLimit).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (97...122).contains($0) || (48...57).contains($0) || $0 == 95
            }
    }

    private static func repeated(_ names: [String]) -> [String] {
        Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
    }

    /// How many fields there are, those of `conflict` aside: a schema under development grows
    /// without a new version.
    package var size: Int { written.reduce(0) { $0 + 1 + $1.fields.count } }
}

extension Field {
    /// What a successor may not change, each a sentence.
    fileprivate func changes(since older: Field) -> [String] {
        var found: [String] = []
        if kind != older.kind { found.append("the type changed.") }
        if policy != older.policy { found.append("the policy changed.") }
        if standard != older.standard { found.append("the default changed.") }
        if parent != older.parent { found.append("`parent` changed.") }
        if unique != older.unique { found.append("`unique` changed.") }
        if references != older.references { found.append("`references` changed.") }
        // No values, and no collections named, allow all.
        if older.values.isEmpty != values.isEmpty
            || values.filter(older.values.contains) != older.values
        {
            found.append("a value is gone, or the order changed.")
        }
        if older.to.isEmpty ? !to.isEmpty : !to.isEmpty && !Set(to).isSuperset(of: older.to) {
            found.append("it may name fewer collections.")
        }
        let least = least ?? .min
        let greatest = greatest ?? .max
        if least > older.least ?? .min || greatest < older.greatest ?? .max {
            found.append("the bounds are narrower.")
        }
        return found
    }
}
