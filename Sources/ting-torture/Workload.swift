// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TingTesting

/// One member's evening at the keyboard: a seed draws what they do next, and what is killed.
struct Workload {
    private let member: Member
    private let world: World
    private var generator: SeededGenerator
    /// The share of programs that are killed.
    private let killShare: Double
    private let timeout: Int
    /// How long each verb takes, to draw an instant within it.
    private var spans: [String: Duration] = [:]
    private var own: [String] = []
    private var mayKill = true

    init(
        _ member: Member, in world: World, seed: UInt64, killShare: Double, timeout: Int = 5
    ) {
        self.member = member
        self.world = world
        self.killShare = killShare
        self.timeout = timeout
        generator = SeededGenerator(state: seed)
    }

    /// Does one thing. Gives how many programs were killed in doing it: 0 or 1.
    mutating func step(mayKill: Bool = true) throws -> Int {
        self.mayKill = mayKill
        return switch Int.random(in: 0..<100, using: &generator) {
        case ..<18: try set(pick(world.projects), { "title_en=\($0)" })
        case ..<26: try set(pick(world.tasks), { "body=Some words of \($0)" })
        case ..<34: try set(pick(world.projects), { "tags+=\($0)" })
        case ..<44: try count(pick(world.tasks))
        case ..<52: try add()
        case ..<60: try update(pick(world.tasks), "task", "title")
        case ..<66: try insert()
        case ..<70: try remove()
        case ..<74: try resolve()
        case ..<78: try follow()
        default: try sync()
        }
    }

    private mutating func pick(_ ids: [String]) -> String {
        ids[Int.random(in: 0..<ids.count, using: &generator)]
    }

    /// Runs `ting`, perhaps killed; the account of it goes to `done`.
    private mutating func ting(
        _ words: [String], _ done: (inout Journal, Programs.Result) -> Void = { _, _ in }
    ) throws -> Int {
        try run(words[0], done) { try $0.ting(words, killAfter: $1) }
    }

    private mutating func run(
        _ verb: String, _ done: (inout Journal, Programs.Result) -> Void,
        _ body: (Member, Duration?) throws -> Programs.Result
    ) throws -> Int {
        var killAfter: Duration?
        if mayKill, Double.random(in: 0..<1, using: &generator) < killShare {
            killAfter = (spans[verb] ?? .milliseconds(60)).drawn(1.1, using: &generator)
        }
        let began = ContinuousClock.now
        let result = try body(member, killAfter)
        if killAfter == nil { spans[verb] = ContinuousClock.now - began }
        member.journal.withLock { done(&$0, result) }
        return result.ending == .killed(SIGKILL) ? 1 : 0
    }

    private mutating func word() -> String { member.journal.withLock { $0.word() } }

    // MARK: What a member does

    private mutating func set(
        _ record: String, _ text: (String) -> String
    ) throws -> Int {
        let word = word()
        return try ting(["set", record, text(word)]) { journal, result in
            if result.succeeded { journal.wrote(word) }
        }
    }

    private mutating func count(_ task: String) throws -> Int {
        try ting(["set", task, "spent_h+=1"]) { journal, result in
            journal.counted(task, surely: result.succeeded)
            if result.succeeded { journal.wrote(nil) }
        }
    }

    private mutating func add() throws -> Int {
        let (word, project) = (word(), pick(world.projects))
        var id: String?
        let killed = try ting(["add", "task", "project=\(project)", "title=\(word)"]) {
            guard $1.succeeded else { return }
            $0.wrote(word)
            id = $1.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        if let id { own.append(id) }
        return killed
    }

    private mutating func update(_ record: String, _ table: String, _ field: String) throws -> Int {
        let (word, place) = (word(), Journal.Place(record: record, field: field))
        let sql = "UPDATE \(table) SET \(field) = '\(word)' WHERE id = '\(record)'"
        return try run(
            "update",
            { journal, result in
                if result.succeeded {
                    journal.wroteUnsealed(word, at: place)
                } else {
                    journal.perhapsWroteUnsealed(at: place)
                }
            }
        ) { try $0.shell(sql, killAfter: $1) }
    }

    private mutating func insert() throws -> Int {
        let (word, project) = (word(), pick(world.projects))
        let sql = "INSERT INTO risk (project, text) VALUES ('\(project)', '\(word)')"
        return try run(
            "insert",
            { journal, result in
                if result.succeeded { journal.wroteUnsealed(word, at: nil) }
            }
        ) { try $0.shell(sql, killAfter: $1) }
    }

    /// Deletes a task of one's own, or brings it back.
    private mutating func remove() throws -> Int {
        guard !own.isEmpty else { return try add() }
        let verb = Bool.random(using: &generator) ? "delete" : "restore"
        return try ting([verb, pick(own)])
    }

    private mutating func resolve() throws -> Int {
        let listed = try member.ting(["conflicts", "--json"])
        let conflicts =
            try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]]
        let ids = (conflicts ?? []).compactMap { $0["id"] as? String }
        guard !ids.isEmpty else { return try sync() }
        let way = Bool.random(using: &generator) ? "keep" : "take"
        return try ting(["resolve", pick(ids), way])
    }

    private mutating func sync() throws -> Int {
        try ting(["sync", "--timeout", String(timeout)]) { journal, result in
            if result.succeeded { journal.sealed() }
        }
    }

    /// Follows for a while; only a kill ends it.
    private mutating func follow() throws -> Int {
        guard killShare > 0, mayKill else { return try sync() }
        let span = Duration.milliseconds(600).drawn(using: &generator)
        let result = try member.ting(["sync", "--follow", "--timeout", "5"], killAfter: span)
        return result.ending == .killed(SIGKILL) ? 1 : 0
    }
}
