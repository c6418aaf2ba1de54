// SPDX-License-Identifier: Apache-2.0

/// Dates of reduced precision and wall times, as records hold them.
enum CalendarText {
    /// Checks `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    static func date(_ text: String, field: String) throws -> String {
        guard isDate(text[...]) else {
            throw InputError(
                "`\(text)` is no date, as `\(field)` wants one.",
                remedy: "Write a year, month or day: 2026, 2026-11 or 2026-11-24.")
        }
        return text
    }

    /// Checks `YYYY-MM-DDTHH:MM`; a blank may stand for the T.
    static func time(_ text: String, field: String) throws -> String {
        let parts = text.split(whereSeparator: { $0 == "T" || $0 == " " })
        guard parts.count == 2, parts[0].utf8.count == 10, isDate(parts[0]), isClock(parts[1])
        else {
            throw InputError(
                "`\(text)` is no time, as `\(field)` wants one.",
                remedy: "Write day and wall time: 2026-11-24T09:30.")
        }
        return "\(parts[0])T\(parts[1])"
    }

    static func isDate(_ text: Substring) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (1...3).contains(parts.count), let year = number(parts[0], digits: 4) else {
            return false
        }
        guard parts.count > 1 else { return true }
        guard let month = number(parts[1], digits: 2), (1...12).contains(month) else {
            return false
        }
        guard parts.count > 2 else { return true }
        guard let day = number(parts[2], digits: 2) else { return false }
        return (1...length(of: month, year)).contains(day)
    }

    private static func isClock(_ text: Substring) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let hour = number(parts[0], digits: 2),
            let minute = number(parts[1], digits: 2)
        else { return false }
        return hour < 24 && minute < 60
    }

    private static func number(_ text: Substring, digits: Int) -> Int? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    private static func length(of month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
