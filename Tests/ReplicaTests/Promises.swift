// SPDX-License-Identifier: Apache-2.0

import Testing

/// The promises of the design, by number: a promise lists its tests.
extension Tag {
    @Tag static var promise1: Self
    @Tag static var promise2: Self
    @Tag static var promise3: Self
    @Tag static var promise4: Self
    @Tag static var promise5: Self
    @Tag static var promise6: Self
    @Tag static var promise7: Self
    @Tag static var promise8: Self
    @Tag static var promise9: Self
    @Tag static var promise10: Self
    @Tag static var promise11: Self
    @Tag static var promise12: Self
}
