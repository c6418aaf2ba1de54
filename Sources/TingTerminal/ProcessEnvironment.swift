// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the program was started with.
package enum ProcessEnvironment {
    /// One variable, without a copy of the whole environment; `nil` when it is empty.
    package static func variable(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
