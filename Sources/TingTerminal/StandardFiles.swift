// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Standard input, output and error, also where the caller closed them.
package enum StandardFiles {
    /// Takes the numbers that are free, so that no database or socket gets one of them.
    ///
    /// Opened the wrong way round, as by gnulib's `stdopen`: to read from what was closed stays an
    /// error, and so does writing to it. SQLite opens them for reading, and a closed standard input
    /// then looked empty.
    package static func fill() {
        for file in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
        where fcntl(file, F_GETFD) == -1 {
            // The lowest free number is taken: this one.
            _ = open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}
