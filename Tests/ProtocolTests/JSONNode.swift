// SPDX-License-Identifier: Apache-2.0

import Foundation
import SwiftProtobuf
import TingCore
import TingWire

/// A JSON object, read leniently: the expectations say what must be there.
struct JSONNode {
    let object: [String: Any]

    init(_ object: [String: Any]) { self.object = object }

    subscript(_ key: String) -> String? { object[key] as? String }

    func flag(_ key: String) -> Bool { object[key] as? Bool ?? false }

    func texts(_ key: String) -> [String] { object[key] as? [String] ?? [] }

    func list(_ key: String) -> [JSONNode] {
        (object[key] as? [[String: Any]] ?? []).map(JSONNode.init)
    }

    func node(_ key: String) throws -> JSONNode {
        JSONNode(try need(object[key] as? [String: Any]))
    }

    func integer(_ key: String) throws -> Int64 { try need(self[key].flatMap { Int64($0) }) }

    func bytes(_ key: String) throws -> [UInt8] {
        try need(self[key].flatMap { Hexadecimal.decode($0.utf8) })
    }

    func id<Kind>(_ key: String) throws -> ID<Kind> { try need(self[key].flatMap { ID($0) }) }

    func hash(_ key: String) throws -> Hash { try need(self[key].flatMap { Hash($0) }) }

    /// A value in the JSON mapping of the messages; null where nothing stands.
    func value(_ key: String) throws -> Value {
        let object = object[key] as? [String: Any] ?? [:]
        if let integer = object["integer"] as? String { return .integer(Int64(integer) ?? 0) }
        if let text = object["text"] as? String { return .text(text) }
        if let set = object["set"] as? [String: Any] {
            return .set(set["elements"] as? [String] ?? [])
        }
        return .null
    }

    /// The object as a message in its JSON mapping.
    func message<M: Message>(_ type: M.Type = M.self) throws -> M {
        try WireCoding.json.decode(M.self, Array(JSONSerialization.data(withJSONObject: object)))
    }

    func changeSet() throws -> ChangeSet {
        try ChangeSet(wire: message(Ting_V1_ChangeSet.self))
    }
}

/// What must be in a vector.
struct Missing: Error {}

func need<T>(_ value: T?) throws -> T {
    guard let value else { throw Missing() }
    return value
}
