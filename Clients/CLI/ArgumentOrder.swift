// SPDX-License-Identifier: Apache-2.0

/// Moves the options that every command has behind the subcommand, where the parser looks for them.
enum ArgumentOrder {
    private static let flags: Set = ["--json", "--quiet", "-q"]
    private static let options: Set = ["-w", "--workspace", "--replica", "--timeout"]
    /// Subcommands with verbs of their own.
    private static let groups: Set = ["outbox", "quarantine"]

    static func globalsLast(_ arguments: [String]) -> [String] {
        var moved: [String] = []
        var kept: [String] = []
        var rest = arguments[...]
        while let next = rest.first {
            if flags.contains(next) || options.contains(where: { next.hasPrefix($0 + "=") }) {
                moved.append(rest.removeFirst())
            } else if options.contains(next) {
                moved += rest.prefix(2)
                rest = rest.dropFirst(2)
            } else if next.hasPrefix("-") {
                break
            } else {
                kept.append(rest.removeFirst())
                // `ting -w a outbox --json list`: the verb stands behind more options.
                guard kept.count == 1, groups.contains(next) else { break }
            }
        }
        guard !moved.isEmpty, !kept.isEmpty || rest.contains(where: { !$0.hasPrefix("-") }) else {
            return kept + moved + rest
        }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return kept + rest[..<end] + moved + rest[end...]
    }
}
