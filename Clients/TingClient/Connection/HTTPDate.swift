// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// Dates as HTTP writes them (RFC 9110 § 5.6.7), and as people read them.
package enum HTTPDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The value of the `Date` field in the head of an answer.
    package static func field(_ head: String) -> Date? {
        for line in head.split(whereSeparator: \.isNewline)
        where line.lowercased().hasPrefix("date:") {
            return parse(line.dropFirst(5))
        }
        return nil
    }

    /// Reads `Sun, 06 Nov 1994 08:49:37 GMT`.
    package static func parse(_ text: Substring) -> Date? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]),
            let month = months.firstIndex(of: String(parts[2])), let year = Int(parts[3])
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int($0) }
        guard clock.count == 3 else { return nil }
        return utc.date(
            from: DateComponents(
                year: year, month: month + 1, day: day, hour: clock[0], minute: clock[1],
                second: clock[2]))
    }

    /// `2026-11-24 08:49 UTC`.
    package static func text(_ date: Date) -> String {
        let parts = utc.dateComponents([.year, .month, .day, .hour, .minute], from: date)
        func two(_ number: Int?) -> String {
            let text = String(number ?? 0)
            return text.count < 2 ? "0" + text : text
        }
        return
            "\(parts.year ?? 0)-\(two(parts.month))-\(two(parts.day)) \(two(parts.hour)):\(two(parts.minute)) UTC"
    }

    private static var utc: Calendar {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? calendar.timeZone
        return calendar
    }
}
