// SPDX-License-Identifier: Apache-2.0

import TingCore

/// What a row of `ting_pending` says of a record: names of fields, with `*` where a change set makes it
/// or brings it back; nothing for all of it, where it is deleted.
struct PendingFields {
    let text: String

    init(_ text: String) { self.text = text }

    var names: [String] {
        text.isEmpty ? [""] : text.split(separator: "/").map(String.init)
    }

    /// The rows that an operation makes: the names of its fields in UTF-8, and what these edits were
    /// made on.
    static func each(
        of operation: TingCore.Operation, _ base: Base, _ body: ([UInt8], Base) throws -> Void
    ) throws {
        let whole = operation.base ?? base
        guard operation.kind != .delete else { return try body([], whole) }
        var names: [UInt8] = []
        if operation.kind != .update || operation.fields.isEmpty { names.append(UInt8(ascii: "*")) }
        try operation.fields.withUnsafeBufferPointer { edits in
            for at in edits.indices {
                if let own = edits[at].base, own != whole {
                    try body(Array(edits[at].field.utf8), own)
                } else {
                    if !names.isEmpty { names.append(UInt8(ascii: "/")) }
                    names.append(contentsOf: edits[at].field.utf8)
                }
            }
        }
        if !names.isEmpty { try body(names, whole) }
    }

    /// Whether an edit of the field (`""` for the whole record) waits.
    func hold(_ field: String) -> Bool { text.isEmpty || names.contains(field) }
}
