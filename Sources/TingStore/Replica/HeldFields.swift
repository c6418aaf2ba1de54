// SPDX-License-Identifier: Apache-2.0

import TingCore

/// The fields of records that other tools wrote and nothing has sealed, as notes name them; `""` for all
/// of a record that was made here.
struct HeldFields {
    private var fields: [String: [String: Set<String>]] = [:]

    mutating func add(_ field: String, of record: String, in collection: String) {
        fields[record, default: [:]][collection, default: []].insert(field)
    }

    func fields(of record: RecordID, in collection: String) -> Set<String> {
        fields.isEmpty ? [] : fields[record.description]?[collection] ?? []
    }
}
