// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingClient
import TingWire

@testable import TingCore

/// Bytes, hashes and digests: `Protocol/spec/model.md`.
enum CanonicalVectors {
    static func changeSet(_ input: JSONNode, _ expect: JSONNode) throws {
        let changeSet = try input.changeSet()
        #expect(Hexadecimal.encode(changeSet.committedBytes) == expect["bytes"])
        #expect(changeSet.hash.description == expect["hash"])
    }

    static func columns(_ input: JSONNode, _ expect: JSONNode) throws {
        try changeSet(input, expect)
        let changeSet = try input.changeSet()
        var plain = input.object
        plain["columns"] = nil
        plain["operations"] = expect.object["operations"]
        #expect(try JSONNode(plain).changeSet() == changeSet)
        #expect(try input.message(Ting_V1_ChangeSet.self) == changeSet.terseWire)
    }

    static func effects(_ input: JSONNode, _ expect: JSONNode) throws {
        let changeSet = try with(seed: input.bytes("seed"))
        let effects = try effects(input.list("effects"))
        #expect(Hexadecimal.encode(changeSet.committedBytes(of: effects)) == expect["bytes"])
        #expect(changeSet.effectsHash(effects).description == expect["hash"])
    }

    static func kinds(_ input: JSONNode, _ expect: JSONNode) throws {
        try changeSet(input, expect)
        let changeSet = try input.changeSet()
        let implied = changeSet.authoredEffects
        #expect(try implied == effects(expect.list("effects")))
        #expect(
            Hexadecimal.encode(changeSet.committedBytes(of: implied)) == expect["effects_bytes"])
        #expect(changeSet.effectsHash(implied).description == expect["effects_hash"])
    }

    static func refusedBytes(_ input: JSONNode, _ expect: JSONNode) throws {
        #expect(expect.flag("refused"))
        for text in input.texts("bytes") {
            let bytes = try need(Hexadecimal.decode(text.utf8))
            #expect(throws: CBORError.self, "\(text)") { try CBORDecoder.decode(bytes) }
        }
    }

    static func refusedIDs(_ input: JSONNode, _ expect: JSONNode) throws {
        #expect(expect.flag("refused"))
        for text in input.texts("ids") { #expect(RecordID(text) == nil, "\(text)") }
    }

    static func commitments(_ input: JSONNode, _ expect: JSONNode) throws {
        let seed = try input.bytes("seed")
        let place = try need(Commitments.Place(rawValue: try need(input["place"])))
        let position = Int(try input.integer("position"))
        let field = try need(input["field"])
        let values = try input.list("values").map { try JSONNode(["v": $0.object]).value("v") }
        #expect(values.map { Hexadecimal.encode($0.canonicalBytes) } == expect.texts("cbor"))
        var commitments = Commitments(seed: seed)
        #expect(
            values.map { commitments.of($0, position, field, place).description }
                == expect.texts("commitments"))
    }

    static func state(_ input: JSONNode, _ expect: JSONNode) throws {
        var digest = StateDigest()
        for node in input.list("records") {
            let values = try need(node.object["values"] as? [String: Any])
            digest.add(
                RecordContent(
                    try need(node["collection"]), try node.id("record"),
                    try values.mapValues { try JSONNode(["v": $0]).value("v") }))
        }
        #expect(digest.hash.description == expect["digest"])
    }

    static func history(_ input: JSONNode, _ expect: JSONNode) throws {
        let digest = HistoryDigest.next(
            after: try input.hash("previous"), changeSet: try input.hash("change_set"),
            effects: try input.hash("effects"), author: try input.id("author"),
            accepted: try input.integer("accepted"))
        #expect(digest.description == expect["digest"])
    }

    static func receipt(_ input: JSONNode, _ expect: JSONNode) throws {
        let canonical = VectorTests.scenarios.first { $0.name == "canonical-change-set" }
        let changeSet = try need(canonical).document().node("input").changeSet()
        #expect(changeSet.id.description == input["change_set"])
        #expect(changeSet.hash.description == input["hash"])
        let entry = Entry(
            version: try input.integer("version"), changeSet: changeSet,
            author: try input.id("author"), replica: try input.id("replica"),
            number: try input.integer("number"), accepted: try input.integer("accepted"),
            shift: try input.integer("shift"), effects: nil)
        let receipt = Receipt.make(
            for: entry, epoch: try input.id("epoch"), key: try input.bytes("key"))
        #expect(Hexadecimal.encode(receipt) == expect["receipt"])
    }

    static func conflictID(_ input: JSONNode, _ expect: JSONNode) throws {
        let id = Merge.conflictID(
            try input.id("change_set"), try input.id("record"), input["field"],
            try need(ConflictKind(rawValue: try need(input["kind"]))))
        #expect(id.description == expect["id"])
    }

    static func valueJSON(_ input: JSONNode, _ expect: JSONNode) throws {
        let values = try input.list("values").map { try JSONNode(["v": $0.object]).value("v") }
        #expect(values.map(\.json) == expect.texts("json"))
        #expect(expect.texts("json").map { Value(json: $0) } == values)
    }

    private static func with(seed: [UInt8]) throws -> ChangeSet {
        var random = SystemRandomNumberGenerator()
        return ChangeSet(
            id: .random(using: &random), seed: seed, schema: 1,
            base: Base(epoch: .random(using: &random), version: 0), time: 0, operations: [])
    }

    private static func effects(_ nodes: [JSONNode]) throws -> [Effect] {
        try nodes.map { node in
            Effect(
                try need(node["collection"]), try node.id("record"),
                try need(Effect.State(rawValue: try need(node["state"]))),
                try node.list("values").map {
                    FieldValue(try need($0["field"]), try $0.value("value"))
                })
        }
    }
}

/// Texts of a certain form: dates, times, join addresses.
enum FormatVectors {
    static func dates(_ input: JSONNode, _ expect: JSONNode) throws {
        let found = input.texts("dates").map(CalendarDate.isValid)
        #expect(found == expect.object["valid"] as? [Bool])
    }

    static func times(_ input: JSONNode, _ expect: JSONNode) throws {
        let found = input.texts("times").map(CalendarDate.isValidTime)
        #expect(found == expect.object["valid"] as? [Bool])
    }

    static func joinAddresses(_ input: JSONNode, _ expect: JSONNode) throws {
        for (text, given) in zip(
            input.texts("addresses"), try need(expect.object["parts"] as? [Any]))
        {
            let address = JoinAddress(text)
            guard let parts = (given as? [String: Any]).map(JSONNode.init) else {
                #expect(address == nil, "\(text)")
                continue
            }
            #expect(address?.server.host == parts["host"])
            #expect(address.map { Int64($0.server.port) } == (try parts.integer("port")))
            #expect(address?.code == parts["code"])
            #expect(
                address?.trust == (try parts["pin"].map { .pin(try need(Hash($0))) } ?? .system))
        }
    }
}
