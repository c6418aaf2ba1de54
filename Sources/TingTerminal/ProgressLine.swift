// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// One line on standard error that says how far long work is; nothing where that is no terminal.
package final class ProgressLine: Sendable {
    private let shows: Bool
    private let last = Mutex<(time: ContinuousClock.Instant?, shown: Bool)>((nil, false))

    /// - Parameter isWanted: Whether the person asked for neither silence nor JSON.
    package init(isWanted: Bool) { shows = isWanted && Terminal.errorIsTerminal }

    /// Shows a line, at most ten times a second.
    package func report(_ text: @autoclosure () -> String) {
        guard shows else { return }
        let now = ContinuousClock.now
        let due = last.withLock { last in
            if let time = last.time, now - time < .milliseconds(100) { return false }
            last = (now, true)
            return true
        }
        if due { Terminal.write("\r\u{1b}[K\(text())", to: STDERR_FILENO) }
    }

    /// Shows what comes next, at once: it may take long without more to say.
    package func announce(_ text: String) {
        guard shows else { return }
        last.withLock { $0 = (.now, true) }
        Terminal.write("\r\u{1b}[K\(text)", to: STDERR_FILENO)
    }

    /// Takes the line away.
    package func end() {
        guard last.withLock({ $0.shown }) else { return }
        Terminal.write("\r\u{1b}[K", to: STDERR_FILENO)
    }

    package static func bytes(_ count: Int64) -> String {
        count < 1 << 20 ? "\(count >> 10) KiB" : "\(count >> 20) MiB"
    }
}
