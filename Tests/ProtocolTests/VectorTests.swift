// SPDX-License-Identifier: Apache-2.0

import Foundation
import SwiftProtobuf
import Testing
import TingCore
import TingWire

/// Runs every file of `Protocol/vectors`: a file that no case here understands is a failure.
@Suite("Vectors of the specification")
struct VectorTests {
    struct Scenario: CustomTestStringConvertible, Sendable {
        var name: String
        var file: Data
        var testDescription: String { name }
    }

    static let scenarios: [Scenario] = {
        let folder = SpecificationTests.root.appending(path: "Protocol/vectors")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".json") }.sorted().map { name in
            Scenario(
                name: String(name.dropLast(5)),
                file: (try? Data(contentsOf: folder.appending(path: name))) ?? Data())
        }
    }()

    @Test("there are vectors")
    func some() { #expect(Self.scenarios.count >= 20) }

    @Test("holds", arguments: scenarios)
    func holds(_ scenario: Scenario) throws {
        let root = try need(
            JSONSerialization.jsonObject(with: scenario.file) as? [String: Any])
        #expect(root["name"] as? String == scenario.name)
        let input = JSONNode(try need(root["input"] as? [String: Any]))
        let expect = JSONNode(try need(root["expect"] as? [String: Any]))
        switch scenario.name {
        case "canonical-change-set": try changeSet(input, expect)
        case "canonical-effects": try effects(input, expect)
        case "digest-state": try state(input, expect)
        case "digest-history": try history(input, expect)
        case "receipt": try receipt(input, expect)
        case "conflict-id": try conflictID(input, expect)
        case let name where name.hasPrefix("text-"): text(input, expect)
        case let name where name.hasPrefix("field-"): try field(input, expect)
        default: Issue.record("no test understands \(scenario.name)")
        }
    }

    private func changeSet(_ input: JSONNode, _ expect: JSONNode) throws {
        let changeSet = try ChangeSet(wire: input.changeSet())
        #expect(Hexadecimal.encode(changeSet.committedBytes) == expect["bytes"])
        #expect(changeSet.hash.description == expect["hash"])
    }

    private func effects(_ input: JSONNode, _ expect: JSONNode) throws {
        let effects = try input.list("effects").map { node in
            Effect(
                try need(node["collection"]),
                try need(RecordID(try need(node["record"]))),
                try need(Effect.State(rawValue: try need(node["state"]))),
                try node.list("values").map {
                    FieldValue(try need($0["field"]), try $0.value("value"))
                })
        }
        let seed = try need(Hexadecimal.decode(try need(input["seed"]).utf8))
        var random = SystemRandomNumberGenerator()
        let base = Base(epoch: .random(using: &random), version: 0)
        let changeSet = ChangeSet(
            id: .random(using: &random), seed: seed, schema: 1, base: base, time: 0, operations: [])
        #expect(Hexadecimal.encode(changeSet.committedBytes(of: effects)) == expect["bytes"])
        #expect(changeSet.effectsHash(effects).description == expect["hash"])
    }

    private func state(_ input: JSONNode, _ expect: JSONNode) throws {
        var digest = StateDigest()
        for node in input.list("records") {
            let values = try need(node.object["values"] as? [String: Any])
            digest.add(
                RecordContent(
                    try need(node["collection"]),
                    try need(RecordID(try need(node["record"]))),
                    try values.mapValues { try JSONNode(["v": $0]).value("v") }))
        }
        #expect(digest.hash.description == expect["digest"])
    }

    private func history(_ input: JSONNode, _ expect: JSONNode) throws {
        let digest = HistoryDigest.next(
            after: try need(Hash(try need(input["previous"]))),
            changeSet: try need(Hash(try need(input["change_set"]))),
            effects: try need(Hash(try need(input["effects"]))),
            author: try need(MemberID(try need(input["author"]))),
            accepted: try need(Int64(try need(input["accepted"]))))
        #expect(digest.description == expect["digest"])
    }

    private func receipt(_ input: JSONNode, _ expect: JSONNode) throws {
        let file = try need(
            Self.scenarios.first { $0.name == "canonical-change-set" }?.file)
        let root = try need(JSONSerialization.jsonObject(with: file) as? [String: Any])
        let changeSet = try ChangeSet(
            wire: JSONNode(try need(root["input"] as? [String: Any])).changeSet())
        let entry = Entry(
            version: try need(Int64(try need(input["version"]))), changeSet: changeSet,
            author: try need(MemberID(try need(input["author"]))),
            replica: try need(ReplicaID(try need(input["replica"]))),
            number: try need(Int64(try need(input["number"]))),
            accepted: try need(Int64(try need(input["accepted"]))),
            shift: try need(Int64(try need(input["shift"]))), effects: nil)
        let receipt = Receipt.make(
            for: entry, epoch: try need(Epoch(try need(input["epoch"]))),
            key: try need(Hexadecimal.decode(try need(input["key"]).utf8)))
        #expect(Hexadecimal.encode(receipt) == expect["receipt"])
    }

    private func conflictID(_ input: JSONNode, _ expect: JSONNode) throws {
        let id = Merge.conflictID(
            try need(ChangeSetID(try need(input["change_set"]))),
            try need(RecordID(try need(input["record"]))), input["field"],
            try need(ConflictKind(rawValue: try need(input["kind"]))))
        #expect(id.description == expect["id"])
    }

    private func text(_ input: JSONNode, _ expect: JSONNode) {
        let merge = TextMerge(
            base: input["base"] ?? "", current: input["current"] ?? "",
            incoming: input["incoming"] ?? "",
            later: input["later"] == "current" ? .current : .incoming)
        #expect(merge.text == expect["text"])
        #expect(merge.overlaps == expect.object["overlaps"] as? Bool)
    }

    private func field(_ input: JSONNode, _ expect: JSONNode) throws {
        let policy = try need(Field.Policy(rawValue: try need(input["policy"])))
        let values = input.object["values"] as? [String] ?? []
        let merge = FieldMerge(
            .init(
                field: Field("f", values.isEmpty ? .text : .enum, policy, values: values),
                before: try input.value("before"), current: try input.value("current"),
                after: try input.value("after"), writerUnseen: input.flag("writer_unseen"),
                editUnseen: input.flag("edit_unseen"),
                currentTime: try need(Int64(try need(input["current_time"]))),
                time: try need(Int64(try need(input["time"])))))
        #expect(merge.value == (try expect.value("value")))
        #expect("\(merge.writer)" == expect["writer"])
        let conflict = (expect.object["conflict"] as? [String: Any]).map { JSONNode($0) }
        #expect(merge.conflict?.kind.rawValue == conflict?["kind"])
        #expect(merge.conflict?.other == (try conflict?.value("other")))
        #expect(merge.conflict?.otherIsIncoming == conflict?.flag("other_is_incoming"))
    }
}

/// A JSON object, read leniently: the expectations say what must be there.
struct JSONNode {
    let object: [String: Any]

    init(_ object: [String: Any]) { self.object = object }

    subscript(_ key: String) -> String? { object[key] as? String }

    func flag(_ key: String) -> Bool { object[key] as? Bool ?? false }

    func list(_ key: String) -> [JSONNode] {
        (object[key] as? [[String: Any]] ?? []).map(JSONNode.init)
    }

    func value(_ key: String) throws -> Value {
        let object = object[key] as? [String: Any] ?? [:]
        if let integer = object["integer"] as? String { return .integer(Int64(integer) ?? 0) }
        if let text = object["text"] as? String { return .text(text) }
        if let set = object["set"] as? [String: Any] {
            return .set(of: set["elements"] as? [String] ?? [])
        }
        return .null
    }

    /// The change set in the JSON mapping of the messages, but its seed in hexadecimal digits.
    func changeSet() throws -> Ting_V1_ChangeSet {
        var mapped = object
        let seed = Hexadecimal.decode((self["seed"] ?? "").utf8) ?? []
        mapped["seed"] = Data(seed).base64EncodedString()
        let bytes = try JSONSerialization.data(withJSONObject: mapped)
        return try WireCoding.json.decode(Ting_V1_ChangeSet.self, Array(bytes))
    }
}

/// What must be in a vector.
struct Missing: Error {}

func need<T>(_ value: T?) throws -> T {
    guard let value else { throw Missing() }
    return value
}
