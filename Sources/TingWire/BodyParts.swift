// SPDX-License-Identifier: Apache-2.0

import TingCore

/// Weighs what a body decodes to before it is decoded: a part of two bytes on the line takes hundreds
/// in memory, so bytes alone bound nothing.
///
/// One scan, which copies nothing. It reads protobuf as the decoder does, so that nothing is decoded
/// past what it has seen.
package struct BodyParts {
    package struct TooMany: Error {}

    /// One unit a text or a number of a column, eight a message.
    private var left = Limits.requestPartLimit * 8

    /// What a message counts for at least among the bytes of bodies under way, and how many are free.
    package static let messageBytes = 32
    package static let freeMessages = 500

    /// - Returns: how many parts there are.
    /// - Throws: `TooMany` for more than `requestPartLimit`; `WireError` for a field with too many.
    @discardableResult
    package static func check(
        _ bytes: [UInt8], _ coding: WireCoding, of shape: Form?
    ) throws -> Int {
        var parts = BodyParts()
        switch coding {
        case .json: try parts.scanJSON(bytes)
        case .protobuf:
            if let shape { try parts.scan(bytes.span, shape) }
        }
        return Limits.requestPartLimit - parts.left / 8
    }

    /// Which fields of a message may stand many times, and which hold such.
    package final class Form: Sendable {
        struct Field: Sendable {
            let name: String
            let weight: Int
            var limit = Int.max
            var shape: Form?
            /// Whether it is a column of numbers, each of which weighs so much.
            var isColumn = false
        }

        fileprivate let fields: [Field?]

        init(_ fields: [Int: Field]) {
            self.fields = (0...(fields.keys.max() ?? 0)).map { fields[$0] }
        }

        fileprivate subscript(number: UInt64) -> Field? {
            number < UInt64(fields.count) ? fields[Int(number)] : nil
        }
    }

    private mutating func take(_ weight: Int) throws {
        left -= weight
        if left < 0 { throw TooMany() }
    }

    private mutating func scan(_ bytes: Span<UInt8>, _ shape: Form) throws {
        var place = 0
        var counts: [UInt64: Int] = [:]
        while place < bytes.count {
            let tag = try Self.number(bytes, &place)
            let field = shape[tag >> 3]
            switch tag & 7 {
            case 0:
                _ = try Self.number(bytes, &place)
                if let field, field.isColumn { try take(field.weight) }
            case 1: place += 8
            case 5: place += 4
            case 2:
                let length = try Self.number(bytes, &place)
                guard length <= bytes.count - place else { throw Self.malformed }
                let content = bytes.extracting(place..<place + Int(length))
                place += Int(length)
                guard let field else { continue }
                if field.isColumn {
                    try takeColumn(content, field.weight)
                    continue
                }
                try take(field.weight)
                if field.limit < .max {
                    counts[tag >> 3, default: 0] += 1
                    if counts[tag >> 3, default: 0] > field.limit {
                        throw WireError(field.name, "more than \(field.limit)")
                    }
                }
                if let inner = field.shape { try scan(content, inner) }
            default: throw Self.malformed
            }
        }
    }

    /// Numbers one behind another: each ends with the first byte below 0x80.
    private mutating func takeColumn(_ bytes: Span<UInt8>, _ weight: Int) throws {
        var count = 0
        for place in bytes.indices where bytes[place] < 0x80 { count += 1 }
        try take(count * weight)
    }

    /// A varint of at most ten bytes.
    private static func number(_ bytes: Span<UInt8>, _ place: inout Int) throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard place < bytes.count else { throw malformed }
            let byte = bytes[place]
            place += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw malformed
    }

    private static let malformed = WireError("body", "it is not protobuf")

    private mutating func scanJSON(_ bytes: [UInt8]) throws {
        var isText = false
        var isEscaped = false
        for byte in bytes {
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isText = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isText = true
            case UInt8(ascii: "{"): try take(8)
            case UInt8(ascii: ","), UInt8(ascii: "["): try take(1)
            default: break
            }
        }
    }
}

private typealias Form = BodyParts.Form

extension BodyParts.Form {
    private static func message(_ name: String, _ shape: Form? = nil, _ limit: Int = .max) -> Field
    {
        Field(name: name, weight: 8, limit: limit, shape: shape)
    }

    private static func text(_ name: String, limit: Int = .max) -> Field {
        Field(name: name, weight: 1, limit: limit)
    }

    private static func one(_ name: String, _ shape: Form) -> Field {
        Field(name: name, weight: 0, shape: shape)
    }

    private static func column(_ name: String, _ weight: Int = 1) -> Field {
        Field(name: name, weight: weight, isColumn: true)
    }

    /// Its parts are never small on the line, and large in memory.
    private static func large(_ name: String, _ shape: Form, _ limit: Int = .max) -> Field {
        Field(name: name, weight: 64, limit: limit, shape: shape)
    }

    private static let value = Form([3: one("set", Form([1: text("elements")]))])
    private static let edit = Form([2: one("before", value), 3: one("after", value)])
    private static let operation = Form([6: message("fields", edit)])
    /// Each operation becomes a message of its own, and each field edit has two kinds.
    private static let columns = Form([
        1: message("columns.shapes", Form([3: text("columns.shapes.fields")])),
        2: column("columns.operations", 8), 3: column("columns.record_times"),
        4: column("columns.times"), 5: column("columns.field_times"),
        6: column("columns.operation_bases"), 7: column("columns.field_bases"),
        8: message("columns.bases"),
        9: column("columns.kinds", 3), 10: column("columns.integers"),
        11: column("columns.set_sizes"), 12: column("columns.text_bytes"),
    ])
    private static let changeSet = Form([
        5: text("seen"), 8: message("operations", operation), 9: one("columns", columns),
    ])
    private static let effect = Form([4: message("values", Form([2: one("value", value)]))])
    private static let entry = Form([
        2: one("change_set", changeSet), 9: message("effects", effect),
    ])
    private static let delivery = Form([2: one("change_set", changeSet)])

    package static let sync = BodyParts.Form([
        10: large("deliveries", delivery, Limits.deliveryLimit),
        11: message("links", Form([2: text("links.seen")]), Limits.deliveryLimit),
    ])
    package static let giveBack = BodyParts.Form([4: large("entries", entry)])
    package static let bundle = BodyParts.Form([6: large("requests", sync)])
}
