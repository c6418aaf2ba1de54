// SPDX-License-Identifier: Apache-2.0

import TingLink

/// `fossil`, by plain HTTP, which spares it TLS. Each member's edits stay on a branch of their own.
final class FossilRival: Rival {
    static let name = "fossil"
    private let shell: Shell
    private let files: RecordFiles
    private let address: String

    init(_ records: [PlanningRecord], _ line: Link, _ options: Bench.Options) throws {
        shell = try Shell()
        files = RecordFiles(records: records)
        let port = 8_090
        address = "http://\(line.farAddress):\(port)/"
        try shell.run(
            """
            fossil init --admin-user mette plan.fossil >/dev/null
            fossil user capabilities nobody gio -R plan.fossil >/dev/null
            """)
        try shell.serve(
            line, ["fossil", "server", "--port", "\(port)", "\(shell.folder)/plan.fossil"])
        try shell.waitForPort(port, of: line)
        for member in ["first", "second"] {
            try shell.run(
                """
                fossil clone \(address) \(member).fossil >/dev/null
                mkdir \(member); cd \(member); fossil open ../\(member).fossil >/dev/null
                fossil settings autosync off
                """)
            guard member == "first" else { continue }
            try files.write(to: "\(shell.folder)/first")
            try shell.run(
                """
                cd first; fossil add . >/dev/null
                fossil commit -m All --no-warnings >/dev/null; fossil sync >/dev/null
                """)
        }
    }

    func edit(_ count: Int, round: Int) throws {
        for (offset, member) in ["first", "second"].enumerated() {
            try files.edit(count, round: round, offset: offset, in: "\(shell.folder)/\(member)")
            try shell.run(
                "cd \(member); fossil commit -m 'Round \(round)' --no-warnings --allow-fork >/dev/null"
            )
        }
        try shell.run("cd second; fossil sync >/dev/null")
    }

    func sync() throws { try shell.run("cd first; fossil sync >/dev/null") }

    func prepareClone() {}

    func clone() throws {
        try shell.run("rm -f third.fossil; fossil clone \(address) third.fossil >/dev/null")
    }
}
