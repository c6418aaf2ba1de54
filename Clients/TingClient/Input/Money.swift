// SPDX-License-Identifier: Apache-2.0

/// Amounts as people write them, `1234.50`, and as records hold them: minor units, 123450.
public enum Money {
    static func minorUnits(_ text: String, field: String) throws -> Int64 {
        let negative = text.hasPrefix("-")
        let isSigned = negative || text.hasPrefix("+")
        let parts = text.dropFirst(isSigned ? 1 : 0)
            .split(separator: ".", omittingEmptySubsequences: false)
        func digits(_ part: Substring) -> Bool {
            !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        guard (1...2).contains(parts.count), digits(parts[0]),
            parts.count == 1 || digits(parts[1]) && parts[1].utf8.count <= 2
        else { throw unreadable(text, field) }
        let cents = parts.count == 1 ? "00" : parts[1].utf8.count == 1 ? parts[1] + "0" : parts[1]
        guard let amount = Int64((negative ? "-" : "") + parts[0] + cents) else {
            throw InputError.tooLarge(text, field)
        }
        return amount
    }

    private static func unreadable(_ text: String, _ field: String) -> InputError {
        InputError(
            "`\(text)` is no amount, as `\(field)` wants one.",
            remedy: "Write it with a point and at most two decimals: `\(field)=1234.50`.")
    }

    /// `123450` as `1234.50`.
    public static func text(_ minorUnits: Int64) -> String {
        let (whole, rest) = minorUnits.magnitude.quotientAndRemainder(dividingBy: 100)
        return "\(minorUnits < 0 ? "-" : "")\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }
}
