// SPDX-License-Identifier: Apache-2.0

/// What stops an operator's command: a sentence and a remedy, for `tingd: error:` and `tingd: hint:`.
package struct ServerError: Error, Equatable {
    package let message: String
    package let hint: String

    package init(_ message: String, hint: String) {
        self.message = message
        self.hint = hint
    }
}
