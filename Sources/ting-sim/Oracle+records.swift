// SPDX-License-Identifier: Apache-2.0

import TingCore

/// The model of what must hold on the state after the whole change set.
extension Oracle {
    mutating func bringParentsBack(_ now: inout Case) {
        var again = true
        while again {
            again = false
            for (_, record) in records where record.isLive {
                guard let parent = schema.collection(record.collection)?.parent,
                    let id = record.values[parent.name]?.text.flatMap({ RecordID($0) }),
                    let found = records[id], !found.isLive, found.deleted != nil
                else { continue }
                touch(found.collection, id, &now)
                records[id]?.isLive = true
                open(.parent, id, nil, .null, nil, now)
                again = true
            }
        }
    }

    mutating func makeUnique(_ now: inout Case) {
        for collection in schema.written {
            for field in collection.fields where field.unique {
                let contenders = now.touched.filter { id in
                    records[id]?.collection == collection.name && records[id]?.isLive == true
                        && records[id]?.values[field.name] != nil
                        && (now.changed[id]?.contains(field.name) == true
                            || now.wasLive[id] == false)
                }
                for id in contenders { makeUnique(id, field, contenders, now) }
            }
        }
    }

    private mutating func makeUnique(
        _ id: RecordID, _ field: Field, _ contenders: [RecordID], _ now: Case
    ) {
        guard let wanted = records[id]?.values[field.name]?.text,
            let place = contenders.firstIndex(of: id)
        else { return }
        // Those of this change set that come later have yet to be asked, but keep what they have
        // from another of them that wants a suffix; and what they held before is theirs.
        let later = contenders[(place + 1)...].filter {
            now.wasLive[$0] != true || now.held[$0]?[field.name] != .text(wanted)
        }
        func isTaken(_ text: String) -> Bool {
            records.contains { other, record in
                other != id && record.isLive && record.collection == records[id]?.collection
                    && record.values[field.name] == .text(text)
                    && !(text == wanted && later.contains(other))
            }
        }
        guard isTaken(wanted) else { return }
        var suffix = 2
        while isTaken("\(wanted)~\(suffix)") { suffix += 1 }
        records[id]?.values[field.name] = .text("\(wanted)~\(suffix)")
        open(.unique, id, field.name, .text(wanted), version, now)
    }
}
