// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Dates as HTTP writes them (RFC 9110 § 5.6.7), made once a second.
final class HTTPDates: Sendable {
    private let last = Mutex<(second: Int64, text: String)>((-1, ""))

    func text(milliseconds: Int64) -> String {
        let second = milliseconds / 1_000
        return last.withLock { last in
            if last.second != second { last = (second, Self.format(second)) }
            return last.text
        }
    }

    private static func format(_ second: Int64) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter.string(from: Date(timeIntervalSince1970: Double(second)))
    }
}
