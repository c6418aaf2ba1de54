// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore

/// Times as people and programs read them, from milliseconds since 1970.
///
/// Programs read UTC; people read the time of the place they are in, as their computer (TZ) has it:
/// a team sits in Copenhagen and Chengdu at once.
enum TimeText {
    /// RFC 3339 in UTC, with milliseconds.
    static func rfc3339(_ milliseconds: Int64) -> String {
        let (seconds, rest) = split(milliseconds)
        let moment = fields(seconds, isLocal: false)
        return "\(day(moment))T\(minute(moment)):\(pad(moment.tm_sec, 2)).\(pad(rest, 3))Z"
    }

    /// `2026-11-24 08:49`, where this computer is.
    static func short(_ milliseconds: Int64) -> String {
        let moment = fields(split(milliseconds).seconds, isLocal: true)
        return "\(day(moment)) \(minute(moment))"
    }

    /// The same with its distance from UTC, for what is read elsewhere too: `2026-11-24 08:49 +01:00`.
    static func zoned(_ milliseconds: Int64) -> String {
        let minutes = fields(split(milliseconds).seconds, isLocal: true).tm_gmtoff / 60
        let sign = minutes < 0 ? "-" : "+"
        return short(milliseconds)
            + " \(sign)\(pad(abs(minutes) / 60, 2)):\(pad(abs(minutes) % 60, 2))"
    }

    /// How long ago it was; a time that is still to come shows that a clock is, or was, wrong.
    static func ago(_ time: Int64, now: Int64) -> String {
        // A change set of another program's may bear any time.
        let (past, isOver) = now.subtractingReportingOverflow(time)
        let isToCome = isOver ? time > now : past < -1000
        return isToCome
            ? "\(zoned(time)), which this computer's clock has yet to reach"
            : "\(span(isOver ? .max : past)) ago"
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

    /// Milliseconds since 1970 at the start of a day, month or year, where this computer is.
    static func start(of date: String) -> Int64? {
        guard CalendarDate.isValid(date) else { return nil }
        let parts = date.split(separator: "-").compactMap { Int32($0) }
        let (month, day) = (parts.count > 1 ? parts[1] : 1, parts.count > 2 ? parts[2] : 1)
        return seconds(fields(year: parts[0], month: month, day: day)) * 1000
    }

    /// Milliseconds since 1970 of an instant as RFC 3339 writes it; without a distance from UTC it is
    /// meant where this computer is.
    static func instant(_ text: String) -> Int64? {
        guard
            let match = text.wholeMatch(
                of:
                    /([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)? ?(Z|[+-][0-9]{2}:[0-9]{2})?/
            ), CalendarDate.isValid(String(text.prefix(10))),
            let year = Int32(match.1), let month = Int32(match.2), let day = Int32(match.3),
            let hour = Int32(match.4), let minute = Int32(match.5),
            let second = Int32(match.6 ?? "0"), hour < 24, minute < 60, second <= 60
        else { return nil }
        var moment = fields(year: year, month: month, day: day)
        (moment.tm_hour, moment.tm_min, moment.tm_sec) = (hour, minute, second)
        let seconds =
            if let zone = match.8 {
                Int64(timegm(&moment)) - (zone == "Z" ? 0 : offset(zone))
            } else {
                Self.seconds(moment)
            }
        let fraction = Int64((match.7.map(String.init) ?? "").padding(3, with: "0")) ?? 0
        return seconds * 1000 + fraction
    }

    /// Seconds, of `+08:00`.
    private static func offset(_ text: Substring) -> Int64 {
        let parts = text.dropFirst().split(separator: ":").compactMap { Int64($0) }
        return (parts[0] * 60 + parts[1]) * (text.first == "-" ? -60 : 60)
    }

    private static func split(_ milliseconds: Int64) -> (seconds: Int64, rest: Int64) {
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        return rest < 0 ? (seconds - 1, rest + 1000) : (seconds, rest)
    }

    private static func fields(_ seconds: Int64, isLocal: Bool) -> tm {
        var (time, fields) = (time_t(seconds), tm())
        if isLocal { localtime_r(&time, &fields) } else { gmtime_r(&time, &fields) }
        return fields
    }

    private static func fields(year: Int32, month: Int32, day: Int32) -> tm {
        var fields = tm()
        (fields.tm_year, fields.tm_mon, fields.tm_mday) = (year - 1900, month - 1, day)
        return fields
    }

    /// Seconds since 1970 of a time where this computer is.
    private static func seconds(_ local: tm) -> Int64 {
        var fields = local
        fields.tm_isdst = -1  // As it was on that day.
        return Int64(mktime(&fields))
    }

    private static func day(_ fields: tm) -> String {
        "\(pad(Int64(fields.tm_year) + 1900, 4))-\(pad(fields.tm_mon + 1, 2))-\(pad(fields.tm_mday, 2))"
    }

    private static func minute(_ fields: tm) -> String {
        "\(pad(fields.tm_hour, 2)):\(pad(fields.tm_min, 2))"
    }

    private static func pad(_ number: some BinaryInteger, _ width: Int) -> String {
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
