// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Runs every file of `Protocol/vectors`: a file that no case here understands is a failure.
@Suite("Vectors of the specification")
struct VectorTests {
    struct Scenario: CustomTestStringConvertible, Sendable {
        var name: String
        var file: Data
        var testDescription: String { name }

        func document() throws -> JSONNode {
            JSONNode(try need(JSONSerialization.jsonObject(with: file) as? [String: Any]))
        }
    }

    static let folder = SpecificationTests.root.appending(path: "Protocol/vectors")

    static let scenarios: [Scenario] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".json") }.sorted().map { name in
            Scenario(
                name: String(name.dropLast(5)),
                file: (try? Data(contentsOf: folder.appending(path: name))) ?? Data())
        }
    }()

    private typealias Check = (_ input: JSONNode, _ expect: JSONNode) throws -> Void

    /// The check of a vector: by its whole name, or by the first word of it.
    private static func check(of name: String) -> Check? {
        switch name {
        case "canonical-change-set": CanonicalVectors.changeSet
        case "canonical-effects": CanonicalVectors.effects
        case "canonical-kinds": CanonicalVectors.kinds
        case "columns": CanonicalVectors.columns
        case "cbor-refused": CanonicalVectors.refusedBytes
        case "commitments": CanonicalVectors.commitments
        case "ids-refused": CanonicalVectors.refusedIDs
        case "digest-history": CanonicalVectors.history
        case "digest-state", "digest-state-empty": CanonicalVectors.state
        case "receipt": CanonicalVectors.receipt
        case "conflict-id", "conflict-id-record": CanonicalVectors.conflictID
        case "value-json": CanonicalVectors.valueJSON
        case "dates": FormatVectors.dates
        case "times": FormatVectors.times
        case "join-addresses": FormatVectors.joinAddresses
        case "bundle-to-server": BundleVectors.toServer
        case "bundle-reply": BundleVectors.reply
        case "dependents": ReplicaVectors.dependents
        default:
            switch name.prefix(while: { $0 != "-" }) {
            case "field": MergeVectors.field
            case "text": MergeVectors.text
            case "merge", "verdict": ExchangeVectors.exchanges
            case "mend": ExchangeVectors.mending
            case "sealing": ReplicaVectors.sealing
            case "error": ErrorVectors.problem
            default: nil
            }
        }
    }

    @Test("there are vectors of every kind")
    func some() { #expect(Self.scenarios.count >= 100) }

    @Test("holds", arguments: scenarios)
    func holds(_ scenario: Scenario) throws {
        let document = try scenario.document()
        #expect(document["name"] == scenario.name)
        let check = try #require(
            Self.check(of: scenario.name), "no test understands \(scenario.name)")
        try check(document.node("input"), document.node("expect"))
    }

    @Test("names a section that is there", arguments: scenarios)
    func section(_ scenario: Scenario) throws {
        let parts = try need(try scenario.document()["spec"]).split(separator: "#")
        let page = try String(
            contentsOf: SpecificationTests.root.appending(path: "Protocol/spec/\(parts[0])"),
            encoding: .utf8)
        #expect(SpecificationTests.anchors(of: page).contains(String(parts.last ?? "")))
    }
}
