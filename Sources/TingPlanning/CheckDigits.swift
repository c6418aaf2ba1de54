// SPDX-License-Identifier: Apache-2.0

/// The number of a Danish company or authority (CVR): 8 digits, the last of which checks the others.
///
/// A failed check is a reason to warn, never to refuse. Not for P-numbers (10 digits): a series of
/// those was made with other weights.
public enum CVR {
    private static let weights = [2, 7, 6, 5, 4, 3, 2, 1]

    /// The 8 digits, without the prefix `DK`, spaces and hyphens; `nil` if the check fails.
    public static func digits(of text: String) -> String? {
        var bare = text.filter { $0 != " " && $0 != "-" }
        if bare.uppercased().hasPrefix("DK") { bare.removeFirst(2) }
        let digits = bare.utf8.map { Int($0) - 48 }
        guard digits.count == 8, digits.allSatisfy((0...9).contains), digits[0] != 0 else {
            return nil
        }
        let sum = zip(digits, weights).reduce(0) { $0 + $1.0 * $1.1 }
        return sum % 11 == 0 ? bare : nil
    }
}

/// The Unified Social Credit Code of a Chinese body (统一社会信用代码, GB 32100-2015): 18 characters.
///
/// Characters 3-8 name a division as it was at registration; a retired one is no fault.
public enum UnifiedSocialCreditCode {
    private static let alphabet = Array("0123456789ABCDEFGHJKLMNPQRTUWXY".utf8)
    private static let weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]

    /// Whether the last character checks the 17 before it.
    public static func isValid(_ text: String) -> Bool {
        let places = text.utf8.compactMap { alphabet.firstIndex(of: $0) }
        guard places.count == 18, text.utf8.count == 18 else { return false }
        let sum = zip(places, weights).reduce(0) { $0 + $1.0 * $1.1 }
        return places[17] == (31 - sum % 31) % 31
    }
}
