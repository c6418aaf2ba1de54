// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingServer
import TingStore
import TingTerminal
import TingWire

struct BundleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle",
        abstract: "Take in edits that came by hand, and give the reply.",
        discussion: """
            For members whom no line reaches: what `ting bundle create` wrote comes by e-mail or on a \
            stick, and the reply goes back the same way. Whoever carries it can neither read nor \
            alter it.
            """,
        subcommands: [ApplyBundle.self])
}

struct ApplyBundle: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Judge a bundle like a sync, and write the sealed reply.",
        discussion: """
            tingd bundle apply --data /srv/ting heat.bundle
            tingd bundle apply --data /srv/ting heat.bundle --reply - --armor

            Works while the server runs. The same bundle twice changes nothing.
            """)

    @OptionGroup var options: DataOption
    @Argument(help: "The bundle; - for standard input.") var file: String

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Where the reply goes; - for standard output. FILE.reply otherwise.", valueName: "file")
    )
    var reply: String?

    @Flag(name: .long, help: "Write the reply as text, for an e-mail.") var armor = false

    func run() throws {
        let target = reply ?? (file == "-" ? "-" : file + ".reply")
        guard target != "-" || armor || !Terminal.outputIsTerminal else {
            throw ServerError(
                "The reply is no text for a terminal; nothing was changed.",
                hint: "Name a file with --reply, or add --armor.")
        }
        let data = try contents()
        let bundle = try read(data)
        let (sealed, count, judged) = try options.withOperator { try $0.apply(bundle: bundle) }
        let bytes = armor ? Data(SealedBundle.armored(sealed).utf8) : Data(sealed)
        if target == "-" {
            Terminal.write(bytes)
        } else {
            try NamedFile.write(bytes, to: target)
            let missing = judged < count ? " of \(count); the reply tells its member why" : ""
            ErrorPresenter.note(
                "tingd: change sets judged: \(judged)\(missing); send back the reply: \(target)")
        }
    }

    private func contents() throws -> Data {
        if file == "-" {
            do { return try FileHandle.standardInput.readToEnd() ?? Data() } catch {
                throw ServerError(
                    "Standard input can't be read; nothing was changed.",
                    hint: "Pipe the bundle in, or name its file.")
            }
        }
        guard let data = NamedFile.contents(of: file) else {
            throw ServerError("The file \(file) can't be read.", hint: "Check its path.")
        }
        return data
    }

    private func read(_ data: Data) throws -> [UInt8] {
        do { return try SealedBundle.dearmored(data) } catch let error as BundleError {
            throw ServerError(error.sentence, hint: error.remedy)
        }
    }
}
