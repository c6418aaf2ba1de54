// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// Moves the options that every command has behind the subcommand, where the parser looks for them.
enum ArgumentOrder {
    // Arrays, not sets: this runs at every start, and a set costs more to make than to look through.
    private static let flags = ["--json", "--quiet", "-q"]
    private static let options = ["-w", "--workspace", "--replica", "--timeout"]
    /// Subcommands with verbs of their own.
    private static let groups = ["outbox", "quarantine", "bundle", "devices", "server"]

    static func globalsLast(_ arguments: [String]) -> [String] {
        var moved: [String] = []
        var kept: [String] = []
        var rest = arguments[...]
        while let next = rest.first {
            if flags.contains(next) || isJoined(next) {
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

    /// `--workspace=a`, `-w=a` or `-wa`.
    private static func isJoined(_ argument: String) -> Bool {
        options.contains { argument.hasPrefix($0 + "=") }
            || argument.hasPrefix("-w") && argument.count > 2
    }

    /// What is wrong with arguments, put in order, that name no command; `nil` where they name one.
    static func problem(_ arguments: [String], commands: [String]) -> CommandError? {
        guard let first = arguments.first else { return nil }
        let remedy = "Commands: \(commands.joined(separator: ", ")). See `ting --help`."
        if options.contains(first) || flags.contains(first) || isJoined(first) {
            if options.contains(first), arguments.count == 1 {
                return CommandError(
                    .usage, code: "usage", "The option \(first) needs a value.", remedy: remedy)
            }
            return CommandError(.usage, code: "usage", "No command is named.", remedy: remedy)
        }
        guard !first.hasPrefix("-"), first != "help", !commands.contains(first) else { return nil }
        return CommandError(
            .usage, code: "unknown_command", "There is no command `\(first)`.", remedy: remedy)
    }

    /// What is wrong with `ting help nosuch`, which the parser takes for `ting help`.
    static func helpProblem(
        _ arguments: [String], of root: any ParsableCommand.Type
    ) -> CommandError? {
        guard arguments.first == "help" else { return nil }
        var place = root
        var path = "ting"
        for name in arguments.dropFirst().prefix(while: { !$0.hasPrefix("-") }) {
            let commands = place.configuration.subcommands
            guard !commands.isEmpty, name != "help" else { return nil }
            guard let next = commands.first(where: { $0.configuration.commandName == name }) else {
                let names = commands.compactMap { $0.configuration.commandName }
                return CommandError(
                    .usage, code: "unknown_command", "There is no command `\(path) \(name)`.",
                    remedy: "Commands: \(names.joined(separator: ", ")). See `\(path) --help`.")
            }
            place = next
            path += " \(name)"
        }
        return nil
    }
}
