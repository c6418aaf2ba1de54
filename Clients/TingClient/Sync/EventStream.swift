// SPDX-License-Identifier: Apache-2.0

/// Reads server-sent events (WHATWG HTML, § 9.2) out of bytes that come in any pieces.
package struct EventStreamParser {
    package enum Item: Equatable {
        case event(name: String, data: String)
        /// A line that only says that the stream is alive.
        case comment
    }

    /// Bytes of one event at most: far more than any that Ting sends.
    private static let eventByteLimit = 1 << 20

    private var line: [UInt8] = []
    private var name = ""
    private var data: [String] = []
    private var size = 0
    private var sawReturn = false

    package init() {}

    /// The items that `bytes` complete; `nil` when an event is larger than any real one.
    package mutating func read(_ bytes: some Sequence<UInt8>) -> [Item]? {
        var items: [Item] = []
        for byte in bytes {
            defer { sawReturn = byte == 0x0d }
            switch byte {
            case 0x0a where sawReturn: continue
            case 0x0a, 0x0d:
                if let item = endLine() { items.append(item) }
            default:
                line.append(byte)
                size += 1
                guard size <= Self.eventByteLimit else { return nil }
            }
        }
        return items
    }

    private mutating func endLine() -> Item? {
        let text = String(decoding: line, as: UTF8.self)
        if line.first == UInt8(ascii: ":") {
            // It is no part of the event around it.
            size -= line.count
            line = []
            return .comment
        }
        line = []
        if text.isEmpty { return endEvent() }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var value = parts.count > 1 ? parts[1] : ""
        if value.hasPrefix(" ") { value.removeFirst() }
        switch parts[0] {
        case "event": name = String(value)
        case "data": data.append(String(value))
        default: break
        }
        return nil
    }

    private mutating func endEvent() -> Item? {
        defer { (name, data, size) = ("", [], 0) }
        guard !data.isEmpty else { return nil }
        return .event(name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))
    }
}
