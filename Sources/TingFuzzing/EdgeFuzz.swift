// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import TingClient
import TingCore
import TingPlanning
import TingServer
import TingWire

/// What stands in the head of a request or an answer, addresses that people paste, and events.
enum HeadFuzz {
    static func run(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let kind = input.below(8)
        let size = input.below(256)
        let bytes = input.all()
        let text = String(decoding: bytes, as: UTF8.self)
        switch kind {
        case 0:
            if case .part(let range) = ByteRange(text, size: size) {
                try FuzzFinding.check(
                    !range.isEmpty && 0 <= range.lowerBound && range.upperBound <= size,
                    "a range lies outside of its file")
            }
        case 1: _ = Route.match(.get, path: text)
        case 2: _ = MediaRange.best(of: [.json, .protobuf], text)
        case 3: _ = WireCoding(mediaType: text)
        case 4:
            if let address = TingServer.HostPort(text) {
                try FuzzFinding.check(
                    TingServer.HostPort("\(address)") == address, "an address changes")
            }
        case 5:
            if let address = TingClient.JoinAddress(text) {
                try FuzzFinding.check(
                    TingClient.JoinAddress("\(address)") == address, "a join address changes")
            }
        case 6: try events(bytes, cut: min(size, bytes.count))
        default:
            if let date = HTTPDate.field(text) { _ = HTTPDate.text(date) }
        }
    }

    /// A stream says the same in one piece and in two.
    private static func events(_ bytes: [UInt8], cut: Int) throws {
        var (whole, pieces) = (EventStreamParser(), EventStreamParser())
        let first = pieces.read(bytes[..<cut]) ?? []
        let second = pieces.read(bytes[cut...]) ?? []
        try FuzzFinding.check(
            whole.read(bytes) == first + second, "events change where they are cut")
    }
}

/// Files that people import: a first byte tells CSV from JSON.
enum ImportFuzz {
    static func run(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let name = input.flag() ? "file.csv" : "file.json"
        let data = Data(input.all())
        guard let first = try? ProgrammeImport(data, name: name, workspace: "team") else { return }
        let second = try ProgrammeImport(data, name: name, workspace: "team")
        try FuzzFinding.check(first == second, "the same file is read in two ways")
        for record in first.records {
            let collection = PlanningSchema.schema.collection(record.collection)
            for (name, value) in record.values {
                try FuzzFinding.check(
                    (try? collection?.field(name)?.canonical(value)) == value,
                    "an imported \(record.collection).\(name) is not canonical")
            }
        }
    }
}
