// SPDX-License-Identifier: Apache-2.0

import Testing

/// The promises of the design that tests of the server guard.
extension Tag {
    @Tag static var promise1: Self
    @Tag static var promise2: Self
    @Tag static var promise5: Self
    @Tag static var promise6: Self
    @Tag static var promise8: Self
}
