// SPDX-License-Identifier: Apache-2.0

import TingLink

/// `git`, by its own unencrypted protocol, which spares it TLS.
final class GitRival: Rival {
    static let name = "git"
    private let shell: Shell
    private let files: RecordFiles
    private let address: String

    init(_ records: [PlanningRecord], _ line: Link, _ options: Bench.Options) throws {
        shell = try Shell()
        files = RecordFiles(records: records)
        address = "git://\(line.farAddress)/plan.git"
        try shell.run(
            """
            git config --global user.name Mette
            git config --global user.email mette@example.org
            git config --global init.defaultBranch main
            git init -q --bare served/plan.git
            git init -q first
            """)
        try files.write(to: shell.folder + "/first")
        try shell.serve(
            line,
            [
                "/usr/lib/git-core/git-daemon", "--export-all", "--enable=receive-pack",
                "--reuseaddr",
                "--base-path=\(shell.folder)/served",
            ])
        try shell.waitForPort(9_418, of: line)
        try shell.run(
            """
            cd first; git add -A; git commit -q -m All; git remote add origin \(address)
            git push -q -u origin main; cd ..; git clone -q \(address) second
            """)
    }

    func edit(_ count: Int, round: Int) throws {
        for (offset, member) in ["first", "second"].enumerated() {
            try files.edit(count, round: round, offset: offset, in: "\(shell.folder)/\(member)")
            try shell.run("cd \(member); git commit -q -a -m 'Round \(round)'")
        }
        try shell.run("cd second; git pull -q --rebase; git push -q")
    }

    func sync() throws { try shell.run("cd first; git pull -q --rebase; git push -q") }

    func prepareClone() {}

    func clone() throws { try shell.run("rm -rf third; git clone -q \(address) third") }
}
