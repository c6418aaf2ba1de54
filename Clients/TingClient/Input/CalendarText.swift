// SPDX-License-Identifier: Apache-2.0

import TingCore

/// Dates of reduced precision and wall times, as records hold them.
enum CalendarText {
    /// Checks `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    static func date(_ text: String, field: String) throws -> String {
        guard CalendarDate.isValid(text) else {
            throw InputError(
                "`\(text)` is no date, as `\(field)` wants one.",
                remedy: "Write a year, month or day: 2026, 2026-11 or 2026-11-24.")
        }
        return text
    }

    /// Checks `YYYY-MM-DDTHH:MM`; a blank may stand for the T.
    static func time(_ text: String, field: String) throws -> String {
        let time = text.replacing(" ", with: "T", maxReplacements: 1)
        guard CalendarDate.isValidTime(time) else {
            throw InputError(
                "`\(text)` is no time, as `\(field)` wants one.",
                remedy: "Write day and wall time: 2026-11-24T09:30.")
        }
        return time
    }
}
