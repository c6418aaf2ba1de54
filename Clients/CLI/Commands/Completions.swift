// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingTerminal

struct Completions: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Print a script that completes commands in your shell.",
        discussion: """
            Examples:
              ting completions bash > ~/.local/share/bash-completion/completions/ting
              ting completions zsh > ~/.zsh/completions/_ting
              ting completions fish > ~/.config/fish/completions/ting.fish
            """)

    enum Shell: String, CaseIterable, ExpressibleByArgument { case bash, zsh, fish }

    @OptionGroup var global: GlobalOptions
    @Argument(help: "bash, zsh or fish.") var shell: Shell

    func run() throws {
        let kind: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        Terminal.write(Ting.completionScript(for: kind) + "\n")
    }
}
