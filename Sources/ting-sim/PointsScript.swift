// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingTesting

/// Where an operation of the scripted run happens: two replicas, and one that is cloned anew.
enum Place: String, CaseIterable {
    case first, second, cloned
}

/// One public operation of the scripted run.
///
/// Each may be done again after it was cut off, and comes to the same: values are absolute.
enum ScriptedOperation {
    /// By the library.
    case edit(Place, String)
    /// By another SQLite tool.
    case foreign(Place, String)
    case delete(Place, RecordID)
    case restore(Place, RecordID)
    case seal(Place)
    case sync(Place, Role)
    case settle(Place, takes: Bool)
    case retryQuarantine(Place)
    case discardQuarantine(Place)
    case discardOutbox(Place)
    case search(Place)
    case status(Place)
    case verify(Place)
    case backUp(Place)
    case clone
    case verifyServer
    case backUpServer
    case startEpoch
    /// A record changes beneath, past every rule. Nothing strikes meanwhile.
    case damage(Place)
    /// The server's file is replaced by its backup. Nothing strikes meanwhile.
    case putServerBack

    /// Whether it is one transaction: all of it is there, or nothing.
    var isAtomic: Bool {
        switch self {
        case .edit, .foreign, .delete, .restore, .seal, .settle, .retryQuarantine,
            .discardQuarantine, .discardOutbox, .startEpoch:
            true
        default: false
        }
    }

    /// Whether faults may strike it.
    var isStruck: Bool {
        switch self {
        case .damage, .putServerBack: false
        default: true
        }
    }

    /// The operation in a few words.
    var name: String {
        let text = "\(self)"
        return String(text.prefix(60)).split(separator: "\n").first.map(String.init) ?? text
    }
}

/// The operations of the scripted run, the same in every run.
struct PointsScript {
    let operations: [ScriptedOperation]

    init(count: Int) {
        var random = SeededGenerator(state: 3)
        operations = (0..<count).map { Self.operation($0, &random) }
    }

    /// What must happen now and then has its turn; the rest is drawn.
    private static func operation(_ index: Int, _ random: inout SeededGenerator)
        -> ScriptedOperation
    {
        let place = Place.allCases[Int.random(in: 0..<3, using: &random)]
        let other = Place.allCases[Int.random(in: 0..<2, using: &random)]
        switch index % 180 {
        case 59: return .sync(.cloned, .editor)
        case 60: return .clone
        case 80: return .backUpServer
        case 100: return .putServerBack
        case 160: return .startEpoch
        case 45, 125: return .damage(other)
        case 46, 126: return .verify(.first)
        case 47, 127: return .verify(.second)
        default: break
        }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<34: return .edit(place, statement(index, &random))
        case 34..<46: return .foreign(place, statement(index, &random))
        case 46..<50: return .seal(place)
        case 50..<76: return .sync(place, .editor)
        case 76..<81: return .settle(other, takes: index % 2 == 0)
        case 81..<83: return .delete(other, project(index % 5))
        case 83..<85: return .restore(other, project(index % 5))
        case 85..<88: return .sync(other, .viewer)
        case 88..<91: return .retryQuarantine(other)
        case 91: return .discardQuarantine(other)
        case 92: return .discardOutbox(other)
        case 93..<95: return .search(place)
        case 95: return .status(place)
        case 96: return .verify(place)
        case 97, 98: return .backUp(place)
        default: return .verifyServer
        }
    }

    private static func statement(_ index: Int, _ random: inout SeededGenerator) -> String {
        let id = project(Int.random(in: 0..<5, using: &random))
        let mark = "v\(index)"
        func set(_ assignment: String) -> String {
            "UPDATE project SET \(assignment) WHERE id = '\(id)'"
        }
        switch Int.random(in: 0..<14, using: &random) {
        case 0, 1:
            return """
                INSERT INTO project (id, title, hours) VALUES ('\(id)', '\(mark)', 2)
                ON CONFLICT (id) DO UPDATE SET title = excluded.title
                """
        case 2:
            return """
                INSERT INTO task (id, project, title)
                SELECT '\(task(index % 6))', id, '\(mark)' FROM project WHERE id = '\(id)'
                ON CONFLICT (id) DO UPDATE SET title = excluded.title
                """
        case 3: return "UPDATE task SET title = '\(mark)' WHERE id = '\(task(index % 6))'"
        case 4: return "DELETE FROM task WHERE id = '\(task(index % 6))'"
        case 5: return set("summary = 'one' || char(10) || '\(mark)' || char(10) || 'three'")
        case 6: return set("summary = 'one' || char(10) || 'two' || char(10) || '\(mark)'")
        case 7: return set("hours = \(index % 40)")
        case 8: return set("partners = '[\"a\(index % 4)\",\"b\(index % 3)\"]'")
        case 9: return set("budget = \(index)")
        case 10: return set("code = 'C\(index % 3)'")
        case 11: return set("sensitivity = '\(["open", "internal", "restricted"][index % 3])'")
        // What the schema doesn't allow is held back, until a later edit puts it right.
        case 12: return set("progress = \(index % 2 == 0 ? 500 : index % 100)")
        default: return set("title = '\(mark)'")
        }
    }

    static func project(_ index: Int) -> RecordID {
        RecordID(high: 0x7000, low: 1 << 63 | UInt64(index))
    }

    static func task(_ index: Int) -> RecordID {
        RecordID(high: 0x7001, low: 1 << 63 | UInt64(index))
    }
}
