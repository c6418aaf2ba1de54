// SPDX-License-Identifier: Apache-2.0

public import TingStore

/// One argument of `ting add` and `ting set`: a field, what to do with it, and where the text is.
///
/// `field=value`, `field=` (clears), `field==TEXT` (as it is), `field=@FILE`, `field=-`
/// (standard input), `field+=x`, `field-=x`, `field+==TEXT` (one element, as it is).
public struct FieldInput: Equatable, Sendable {
    public enum Change: Equatable, Sendable { case assign, add, remove }

    public enum Source: Equatable, Sendable {
        /// Text as it stands in the argument.
        case literal(String)
        /// Text that is not read as anything else: no file, no list.
        case exact(String)
        case file(String)
        case standardInput
    }

    public var field: String
    public var change: Change
    public var source: Source

    public init(_ field: String, _ change: Change, _ source: Source) {
        self.field = field
        self.change = change
        self.source = source
    }

    /// Reads an argument; `nil` when it has no `=` or names no field.
    public init?(_ argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else {
            return nil
        }
        var name = argument[..<equals]
        let text = argument[argument.index(after: equals)...]
        var change = Change.assign
        if name.hasSuffix("+") { change = .add }
        if name.hasSuffix("-") { change = .remove }
        if change != .assign { name.removeLast() }
        guard Self.isName(name) else { return nil }
        let source: Source =
            if text.hasPrefix("=") {
                .exact(String(text.dropFirst()))
            } else if change != .assign {
                .literal(String(text))
            } else if text.hasPrefix("@") {
                .file(String(text.dropFirst()))
            } else if text == "-" {
                .standardInput
            } else {
                .literal(String(text))
            }
        self.init(String(name), change, source)
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                byte == 0x5f || (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte)
                    || (0x41...0x5a).contains(byte)
            }
    }
}

/// Why an input is not a value of its field.
public struct InputError: ExplainedError, Equatable, Sendable {
    /// Stable, for programs.
    public var code: String
    /// What is wrong, for people: one sentence.
    public var sentence: String
    public var remedy: String

    public init(code: String = "invalid_value", _ sentence: String, remedy: String) {
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
    }
}

extension InputError {
    static func tooLarge(_ text: String, _ field: String) -> InputError {
        InputError(
            "`\(text)` is too large for `\(field)`.",
            remedy: "Write a number that 64 bits hold.")
    }
}
