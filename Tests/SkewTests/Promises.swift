// SPDX-License-Identifier: Apache-2.0

import Testing

/// The promises of the design that this module's tests prove.
extension Tag {
    @Tag static var promise2: Self
    @Tag static var promise3: Self
    @Tag static var promise4: Self
    @Tag static var promise6: Self
    @Tag static var promise11: Self
    @Tag static var promise12: Self
}
