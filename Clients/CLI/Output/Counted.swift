// SPDX-License-Identifier: Apache-2.0

extension BinaryInteger {
    /// `1 edit`, `2 edits`.
    func counted(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
