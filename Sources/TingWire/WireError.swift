// SPDX-License-Identifier: Apache-2.0

/// A message that doesn't hold what the protocol asks for.
package struct WireError: Error, Equatable {
    /// The field that is wrong, as a path in the message.
    package var field: String
    package var problem: String

    package init(_ field: String, _ problem: String) {
        self.field = field
        self.problem = problem
    }
}
