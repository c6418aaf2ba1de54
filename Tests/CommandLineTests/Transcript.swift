// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A text file of commands with what they print and how they end: a test, and documentation.
///
/// `$ command` begins a step; `> more` continues the command. Then come the lines of standard
/// output, those of standard error behind `2> `, and `[N]` where the exit code is not 0. Text behind
/// `# ` is for readers. A first line `members: mette owner, li editor` says who has a replica.
/// What differs from run to run stands as `<id>`, `<short>`, `<time>` and so on; `<*>` is any text
/// and `...` alone any lines.
struct Transcript {
    struct Step {
        var comment: [String] = []
        var command: String
        var output: [String] = []
        var errors: [String] = []
        var status: Int32 = 0
        var line: Int
    }

    struct Member {
        var name: String
        var role: String
    }

    var heading: [String] = []
    var members: [Member] = []
    var steps: [Step] = []

    init(_ text: String) {
        var comment: [String] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init).enumerated()
        {
            if line.hasPrefix("$ ") {
                steps.append(
                    Step(comment: comment, command: String(line.dropFirst(2)), line: index + 1))
                comment = []
            } else if line == "#" || line.hasPrefix("# ") {
                comment.append(line)
            } else if steps.isEmpty {
                if line.hasPrefix("members: ") { members = Self.members(line) }
                heading += comment + (line.isEmpty && heading.isEmpty ? [] : [line])
                comment = []
            } else {
                comment.isEmpty ? steps[steps.count - 1].take(line) : comment.append(line)
            }
        }
        for index in steps.indices { steps[index].trim() }
    }

    private static func members(_ line: String) -> [Member] {
        line.dropFirst("members: ".count).split(separator: ",").map { part in
            let words = part.split(separator: " ").map(String.init)
            return Member(name: words[0], role: words[1])
        }
    }

    /// The file again.
    var text: String {
        var lines = heading
        while lines.last?.isEmpty == true { lines.removeLast() }
        for step in steps {
            lines.append("")
            lines += step.comment.drop(while: \.isEmpty)
            let command = step.command.split(separator: "\n", omittingEmptySubsequences: false)
            lines += command.enumerated().map { ($0 == 0 ? "$ " : "> ") + $1 }
            lines += step.output + step.errors.map { $0.isEmpty ? "2>" : "2> " + $0 }
            if step.status != 0 { lines.append("[\(step.status)]") }
        }
        return lines.drop(while: \.isEmpty).joined(separator: "\n") + "\n"
    }
}

extension Transcript.Step {
    fileprivate mutating func take(_ line: String) {
        if line.hasPrefix("> "), output.isEmpty, errors.isEmpty {
            command += "\n" + line.dropFirst(2)
        } else if line.hasPrefix("2>") {
            errors.append(String(line.dropFirst(line.hasPrefix("2> ") ? 3 : 2)))
        } else if let code = line.wholeMatch(of: /\[(\d+)\]/) {
            status = Int32(code.1) ?? -1
        } else {
            output.append(line)
        }
    }

    fileprivate mutating func trim() {
        while output.last?.isEmpty == true { output.removeLast() }
        while comment.last?.isEmpty == true { comment.removeLast() }
    }
}

/// What differs from run to run, under a name.
enum Placeholder {
    static func lines(_ text: String, folder: String) -> [String] {
        var lines = text.replacing("\r\n", with: "\n")
            .split(separator: "\n", omittingEmptySubsequences: false)
            .map { named(String($0), folder: folder) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    private static func named(_ line: String, folder: String) -> String {
        line.replacing(folder, with: "<folder>")
            .replacing(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, with: "<id>")
            .replacing(/[0-9a-f]{64}/, with: "<hash>")
            .replacing(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, with: "<time>")
            .replacing(/\d{4}-\d\d-\d\d \d\d:\d\d/, with: "<time>")
            .replacing(/code=[a-z2-7]{26}/, with: "code=<code>")
            .replacing(/127\.0\.0\.1[:_]\d+/, with: "<server>")
            .replacing(/\d+ (s|min) ago/, with: "<span> ago")
            .replacing(/^(conflict )?[0-9a-f]{4,7}(  |:)/) { "\($0.1 ?? "")<short>\($0.2)" }
            .replacing(/(resolve|restore) [0-9a-f]{4,7}\b/) { "\($0.1) <short>" }
            .trimmingSuffix(while: { $0 == " " })
    }

    /// Whether what was printed is what stands in the file.
    static func match(_ printed: [String], _ expected: [String]) -> Bool {
        guard let first = expected.first else { return printed.isEmpty }
        if first == "..." {
            return (0...printed.count).contains {
                match(Array(printed.dropFirst($0)), Array(expected.dropFirst()))
            }
        }
        guard let line = printed.first, match(line, first) else { return false }
        return match(Array(printed.dropFirst()), Array(expected.dropFirst()))
    }

    /// Columns may be wider here than there: ids differ. `TextTable` has tests of its own.
    private static func match(_ line: String, _ expected: String) -> Bool {
        func columns(_ text: String) -> String { text.replacing(/[ ]{2,}/, with: "  ") }
        let parts = columns(expected).split(separator: "<*>", omittingEmptySubsequences: false)
        var rest = columns(line)[...]
        for (index, part) in parts.enumerated() {
            if index == 0 {
                guard rest.hasPrefix(part) else { return false }
                rest = rest.dropFirst(part.count)
            } else if index == parts.count - 1 {
                return rest.hasSuffix(part)
            } else {
                guard let found = rest.range(of: part) else { return false }
                rest = rest[found.upperBound...]
            }
        }
        return rest.isEmpty
    }
}

extension String {
    fileprivate func trimmingSuffix(while condition: (Character) -> Bool) -> String {
        var text = self
        while let last = text.last, condition(last) { text.removeLast() }
        return text
    }
}
