// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore
import TingLink

/// Taskwarrior with its server `taskd`, over TLS, by an address that it knows no name of. It has tasks
/// alone: every record is one.
final class TaskRival: Rival {
    static let name = "taskd"
    private let shell: Shell
    private let records: [PlanningRecord]

    init(_ records: [PlanningRecord], _ line: Link, _ options: Bench.Options) throws {
        shell = try Shell()
        self.records = records
        let port = 53_589
        let far = line.farAddress
        try shell.run(
            """
            cp -r /usr/share/taskd/pki pki; cd pki
            sed -i 's/^CN=.*/CN=\(far)/; s/^BITS=.*/BITS=2048/' vars
            ./generate >/dev/null 2>&1; cd ..
            mkdir data; taskd init --data $PWD/data >/dev/null
            for name in server.cert server.key server.crl client.cert client.key; do
              taskd config --force --data $PWD/data $name $PWD/pki/$name.pem >/dev/null
            done
            taskd config --force --data $PWD/data ca.cert $PWD/pki/ca.cert.pem >/dev/null
            taskd config --force --data $PWD/data server \(far):\(port) >/dev/null
            taskd config --force --data $PWD/data log $PWD/taskd.log >/dev/null
            taskd config --force --data $PWD/data request.limit 0 >/dev/null
            taskd add --data $PWD/data org Ting >/dev/null
            """)
        let user = try shell.output("taskd add --data $PWD/data user Ting Mette")
        guard let key = user.split(whereSeparator: \.isWhitespace).first(where: { $0.count == 36 })
        else { throw BenchError("taskd gave no key: \(user)") }
        try shell.serve(line, ["taskd", "server", "--data", "\(shell.folder)/data"])
        try shell.waitForPort(port, of: line)
        for member in ["first", "second", "third"] {
            try """
            data.location=\(shell.folder)/\(member)
            confirmation=off
            verbose=nothing
            hooks=off
            taskd.trust=ignore hostname
            taskd.server=\(far):\(port)
            taskd.credentials=Ting/Mette/\(String(key))
            taskd.certificate=\(shell.folder)/pki/client.cert.pem
            taskd.key=\(shell.folder)/pki/client.key.pem
            taskd.ca=\(shell.folder)/pki/ca.cert.pem
            """.write(toFile: "\(shell.folder)/\(member).rc", atomically: true, encoding: .utf8)
        }
        try load(records.map { Self.task($0, Self.title($0)) }, "first")
        try task("first", "sync init")
        try task("second", "sync")
    }

    /// The line of a shell that runs `task` as a member.
    private func task(_ member: String, _ words: String) throws {
        try shell.run("mkdir -p \(member); TASKRC=$PWD/\(member).rc task \(words) </dev/null")
    }

    private func load(_ tasks: [[String: String]], _ member: String) throws {
        let file = "\(shell.folder)/load.json"
        try JSONSerialization.data(withJSONObject: tasks).write(to: URL(filePath: file))
        try task(member, "import \(file) >/dev/null 2>&1")
    }

    private static func title(_ record: PlanningRecord) -> String {
        (record.values["title"] ?? record.values["title_en"] ?? record.values["name_en"])?.text
            ?? record.collection
    }

    private static func task(_ record: PlanningRecord, _ title: String) -> [String: String] {
        var task = [
            "uuid": record.id.description, "description": title, "status": "pending",
            "entry": "20260101T000000Z",
        ]
        if let due = record.values["due"]?.text {
            task["due"] = due.replacing("-", with: "") + "T000000Z"
        }
        if let status = record.values["status"]?.text { task["project"] = status }
        if let body = record.values["body"]?.text { task["note"] = body }
        return task
    }

    func edit(_ count: Int, round: Int) throws {
        for (offset, member) in ["first", "second"].enumerated() {
            let edited = RecordFiles.scattered(records, count, round, offset)
            try load(edited.map { Self.task($0, RecordFiles.title(round, $0.id)) }, member)
        }
        try task("second", "sync")
    }

    func sync() throws { try task("first", "sync") }

    func prepareClone() throws { try shell.run("rm -rf third") }

    func clone() throws { try task("third", "sync") }
}
