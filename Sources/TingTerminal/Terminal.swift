// SPDX-License-Identifier: Apache-2.0

package import Foundation
import Synchronization

/// Where output goes, and what it can show.
package enum Terminal {
    package static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    package static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }
    package static var inputIsTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    /// Colour only on a terminal, and not where NO_COLOR (https://no-color.org) or TERM forbid it.
    package static var style: TextStyle { TextStyle(isPlain: !outputIsTerminal || !allowsColour) }
    package static var errorStyle: TextStyle {
        TextStyle(isPlain: !errorIsTerminal || !allowsColour)
    }

    private static var allowsColour: Bool {
        ProcessEnvironment.variable("NO_COLOR") == nil
            && ProcessEnvironment.variable("TERM") != "dumb"
    }

    /// Columns of the terminal, where there is one.
    package static var width: Int? {
        guard outputIsTerminal else { return nil }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return nil
        }
        return Int(size.ws_col)
    }

    /// A character as it may be shown: a value can't move the cursor or change colours.
    package static func printable(_ character: Character) -> Character? {
        let control = character.unicodeScalars.contains {
            $0.value < 0x20 || (0x7f..<0xa0).contains($0.value)
        }
        return control ? (character == "\t" ? " " : nil) : character
    }

    /// Text whose line ends stand, without other control characters.
    package static func printable(_ text: String) -> String {
        String(text.compactMap { $0.isNewline ? "\n" : printable($0) })
    }

    /// Text on one line: a space stands for each line end.
    package static func printableLine(_ text: String) -> String {
        String(text.compactMap { $0.isNewline ? " " : printable($0) })
    }

    private static let isSilent = Atomic(false)

    /// Nothing is written any more: the program is ending.
    package static func fallSilent() { isSilent.store(true, ordering: .relaxed) }

    private static let outputError = Atomic<Int32>(0)

    /// Why standard output does not hold all that was written to it; `nil` where it does, or where its
    /// reader left.
    package static var outputProblem: String? {
        let code = outputError.load(ordering: .relaxed)
        guard code != 0, code != EPIPE else { return nil }
        return "Standard output did not take all of it: \(String(cString: strerror(code)))."
    }

    /// Whether the reader of standard output left before all was written.
    package static var hasReaderLeft: Bool { outputError.load(ordering: .relaxed) == EPIPE }

    /// Waits until the reader of standard output has left, also while nothing is written to it.
    package static func waitForReaderToLeave() async {
        while !Task.isCancelled, !hasReaderLeft {
            var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
            if poll(&output, 1, 0) > 0, output.revents & Int16(POLLERR) != 0 {
                return outputError.store(EPIPE, ordering: .relaxed)
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// Writes all bytes; where a pipe has no room it waits. What standard output doesn't take is remembered
    /// as its failure; standard error is for whoever reads it: nobody may, or its disk is full, and that
    /// ends no server.
    package static func write(_ text: String, to file: Int32 = STDOUT_FILENO) {
        guard !isSilent.load(ordering: .relaxed) else { return }
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0), to: file) }
    }

    package static func write(_ data: Data, to file: Int32 = STDOUT_FILENO) {
        data.withUnsafeBytes { write($0, to: file) }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) {
        // What came after a gap would look whole.
        guard file != STDOUT_FILENO || outputError.load(ordering: .relaxed) == 0 else { return }
        var rest = bytes[...]
        while !rest.isEmpty {
            let chunk = UnsafeRawBufferPointer(rebasing: rest)
            let count = Foundation.write(file, chunk.baseAddress, chunk.count)
            if count < 0 && errno == EINTR { continue }
            // Another program that shares it may have made it one that does not wait by itself.
            if count < 0 && errno == EAGAIN && isWaited(for: file) { continue }
            guard count > 0 else {
                if file == STDOUT_FILENO { outputError.store(errno, ordering: .relaxed) }
                return
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Waits until a file takes bytes again, or has nobody who reads them; whether that may be so now.
    private static func isWaited(for file: Int32) -> Bool {
        var output = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        return poll(&output, 1, -1) >= 0 || errno == EINTR
    }
}
