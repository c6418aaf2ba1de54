// SPDX-License-Identifier: Apache-2.0

import TingCore

/// Times as people and programs read them, from milliseconds since 1970.
enum TimeText {
    /// RFC 3339 in UTC, with milliseconds.
    static func rfc3339(_ milliseconds: Int64) -> String {
        let (days, time) = split(milliseconds)
        let (year, month, day) = civil(days)
        let seconds = time / 1000
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T"
            + "\(pad(seconds / 3600, 2)):\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2))"
            + ".\(pad(time % 1000, 3))Z"
    }

    /// `2026-11-24 08:49`, in UTC.
    static func short(_ milliseconds: Int64) -> String {
        let text = rfc3339(milliseconds)
        return text.prefix(10) + " " + text.dropFirst(11).prefix(5)
    }

    /// How long ago it was; a time that is still to come shows that a clock is, or was, wrong.
    static func ago(_ time: Int64, now: Int64) -> String {
        time > now + 1000
            ? "\(short(time)) UTC, which this computer's clock has yet to reach"
            : "\(span(now - time)) ago"
    }

    /// `5 min`, `3 h`, `2 days`: the one unit that says enough.
    static func span(_ milliseconds: Int64) -> String {
        let seconds = max(milliseconds, 0) / 1000
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3600) h"
        case ..<63_072_000: return "\(seconds / 86_400) days"
        default: return "\(seconds / 31_557_600) years"
        }
    }

    /// Milliseconds since 1970 at the start of a day, month or year, in UTC.
    static func start(of date: String) -> Int64? {
        guard CalendarDate.isValid(date) else { return nil }
        let parts = date.split(separator: "-").compactMap { Int64($0) }
        return days(parts[0], parts.count > 1 ? parts[1] : 1, parts.count > 2 ? parts[2] : 1)
            * 86_400_000
    }

    /// Milliseconds since 1970 of an instant as RFC 3339 writes it, in UTC.
    static func instant(_ text: String) -> Int64? {
        guard
            let match = text.wholeMatch(
                of: /(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?Z?/),
            let day = start(of: String(match.1)), let hour = Int64(match.2),
            let minute = Int64(match.3), let second = Int64(match.4 ?? "0"), hour < 24, minute < 60,
            second <= 60
        else { return nil }
        let fraction = Int64((match.5.map(String.init) ?? "").padding(3, with: "0")) ?? 0
        return day + ((hour * 60 + minute) * 60 + second) * 1000 + fraction
    }

    private static func split(_ milliseconds: Int64) -> (days: Int64, rest: Int64) {
        let (days, rest) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        return rest < 0 ? (days - 1, rest + 86_400_000) : (days, rest)
    }

    /// Days since 1970 to a date, by H. Hinnant's algorithm
    /// (https://howardhinnant.github.io/date_algorithms.html): years begin in March.
    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }

    private static func pad(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}

extension String {
    /// The first `length` characters, filled up at the end.
    fileprivate func padding(_ length: Int, with fill: Character) -> String {
        prefix(length) + String(repeating: fill, count: max(0, length - count))
    }
}
