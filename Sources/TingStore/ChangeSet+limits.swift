// SPDX-License-Identifier: Apache-2.0

import TingCore

/// What the wire lets through and no workspace takes: too much of anything, or another form than
/// sealing gives. Judged here, so that one such change set stops no other (promise 6).
extension ChangeSet {
    /// The sentence that says which bound it crosses, if it crosses one.
    /// - Parameter size: Its stored bytes.
    func excess(size: Int) -> String? {
        if operations.count > Limits.operationLimit {
            return "It has more than \(Limits.operationLimit) operations."
        }
        if message.utf8.count > Limits.messageByteLimit {
            return "Its message has more than \(Limits.messageByteLimit) bytes."
        }
        if seen.count > Limits.deliveryLimit {
            return "It lists more than \(Limits.deliveryLimit) change sets as seen."
        }
        if size > Limits.changeSetByteLimit {
            return "It has more than \(Limits.changeSetByteLimit) bytes."
        }
        return nil
    }

    /// Checks what has one form only: `validate` does the same for values.
    func checkForm() throws(InvalidValue) {
        guard schema > 0 else {
            throw InvalidValue(
                "its schema is not positive", "Name the schema it was written under.")
        }
        guard message.hasOrderedMarks, message.isNormalized else {
            throw InvalidValue("its message is not in NFC", "Normalise texts to NFC.")
        }
        guard !message.utf8.contains(0) else {
            throw InvalidValue("its message contains a NUL character", "Remove it.")
        }
        guard seen.count < 2 || Set(seen).count == seen.count else {
            throw InvalidValue("it lists a change set as seen twice", "List each once.")
        }
        guard bases.allSatisfy({ $0.version >= 0 }) else {
            throw InvalidValue("a base is negative", "Seal it again.")
        }
        for operation in operations {
            let names = operation.fields.map(\.field.utf8)
            guard zip(names, names.dropFirst()).allSatisfy({ $0.lexicographicallyPrecedes($1) })
            else {
                throw InvalidValue(
                    "the fields of \(operation.record) are not in order, or one is there twice",
                    "Write each field once, in ascending order.")
            }
        }
    }
}
