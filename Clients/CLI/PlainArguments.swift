// SPDX-License-Identifier: Apache-2.0

/// Plain arguments, put in order, read without the parser: to set that up takes about as long as
/// the commands that are typed most.
///
/// There are none where anything is not as it should be: the parser then reads it, helps, or says
/// what is wrong.
struct PlainArguments {
    var options = CommonOptions()
    /// What stands by itself.
    private(set) var operands: [String] = []
    private(set) var flags: [String] = []
    private var values: [(option: String, value: String)] = []

    /// - Parameters:
    ///   - arguments: Those after the command's name.
    ///   - flags: The command's own, besides those that every command has.
    ///   - options: The command's own, each with a value.
    init?(_ arguments: some Collection<String>, flags: [String] = [], options: [String] = []) {
        var rest = Array(arguments)[...]
        func value() -> String? {
            guard let value = rest.first, !value.hasPrefix("-") else { return nil }
            rest.removeFirst()
            return value
        }
        while let next = rest.popFirst() {
            switch next {
            case "--json": self.options.json = true
            case "--quiet", "-q": self.options.quiet = true
            case "--workspace", "-w":
                guard let slug = value() else { return nil }
                self.options.workspace = slug
            case "--replica":
                guard let file = value() else { return nil }
                self.options.replica = file
            case _ where flags.contains(next): self.flags.append(next)
            case _ where options.contains(next):
                guard let value = value() else { return nil }
                values.append((next, value))
            case _ where next.hasPrefix("-"): return nil
            default: operands.append(next)
            }
        }
    }

    /// The last value of an option, by any of its names.
    func value(_ names: String...) -> String? {
        values.last { names.contains($0.option) }?.value
    }
}
