// SPDX-License-Identifier: Apache-2.0

/// JSON of objects, arrays, whole numbers and text without escapes: what Ting's own files are made of.
///
/// `JSONDecoder` takes half a millisecond to read the first few lines, since the runtime looks through
/// every conformance for each type of key. It reads whatever is not as plain as this.
enum PlainJSON {
    case text(String)
    case integer(Int64)
    case array([PlainJSON])
    case object([(name: String, value: PlainJSON)])

    /// `nil` for anything else, and for what is no JSON.
    init?(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        guard let value = reader.value(depth: 0), reader.next() == nil else { return nil }
        self = value
    }

    subscript(_ name: String) -> PlainJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var integer: Int64? { if case .integer(let integer) = self { integer } else { nil } }
    var array: [PlainJSON]? { if case .array(let items) = self { items } else { nil } }

    private struct Reader {
        let bytes: [UInt8]
        var place = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        /// The next byte that is no white space, which stays.
        mutating func next() -> UInt8? {
            while place < bytes.count {
                switch bytes[place] {
                case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"):
                    place += 1
                default: return bytes[place]
                }
            }
            return nil
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard next() == UInt8(ascii: character) else { return false }
            place += 1
            return true
        }

        mutating func value(depth: Int) -> PlainJSON? {
            guard depth < 8, let first = next() else { return nil }
            switch first {
            case UInt8(ascii: "\""): return text().map { .text($0) }
            case UInt8(ascii: "["): return array(depth + 1)
            case UInt8(ascii: "{"): return object(depth + 1)
            default: return integer().map { .integer($0) }
            }
        }

        private mutating func array(_ depth: Int) -> PlainJSON? {
            var items: [PlainJSON] = []
            guard take("["), !take("]") else { return .array([]) }
            repeat {
                guard let item = value(depth: depth) else { return nil }
                items.append(item)
            } while take(",")
            return take("]") ? .array(items) : nil
        }

        private mutating func object(_ depth: Int) -> PlainJSON? {
            var members: [(name: String, value: PlainJSON)] = []
            guard take("{"), !take("}") else { return .object([]) }
            repeat {
                guard next() == UInt8(ascii: "\""), let name = text(), take(":"),
                    let value = value(depth: depth)
                else { return nil }
                members.append((name, value))
            } while take(",")
            return take("}") ? .object(members) : nil
        }

        private mutating func text() -> String? {
            let start = place + 1
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
                guard bytes[end] >= 0x20, bytes[end] != UInt8(ascii: "\\") else { return nil }
                end += 1
            }
            guard end < bytes.count else { return nil }
            place = end + 1
            return String(validating: bytes[start..<end], as: UTF8.self)
        }

        /// Fifteen digits at most, so that nothing overflows.
        private mutating func integer() -> Int64? {
            let isNegative = take("-")
            let start = place
            var number: Int64 = 0
            while place < bytes.count, (0x30...0x39).contains(bytes[place]), place < start + 15 {
                number = number * 10 + Int64(bytes[place] - 0x30)
                place += 1
            }
            let isWhole = place == start + 1 || place > start && bytes[start] != 0x30
            // A fraction, an exponent or more digits is no end of a value: whoever asked finds no comma.
            return isWhole ? (isNegative ? -number : number) : nil
        }
    }
}

extension ClientConfiguration {
    /// `nil` where something is missing, or of another type.
    init?(_ json: PlainJSON) {
        guard let servers = json["servers"]?.array, let replicas = json["replicas"]?.array else {
            return nil
        }
        self.init()
        for json in servers {
            guard let server = Server(json) else { return nil }
            self.servers.append(server)
        }
        for json in replicas {
            guard let replica = KnownReplica(json) else { return nil }
            self.replicas.append(replica)
        }
    }
}

extension ClientConfiguration.Server {
    fileprivate init?(_ json: PlainJSON) {
        guard let url = json["url"]?.text, let tokenFile = json["tokenFile"]?.text,
            let keyFile = json["keyFile"]?.text, let device = json["device"]?.text,
            let member = json["member"]?.text, let name = json["name"]?.text,
            let email = json["email"]?.text
        else { return nil }
        var authorityFile: String?
        if let json = json["authorityFile"] {
            guard let text = json.text else { return nil }
            authorityFile = text
        }
        self.init(
            url: url, authorityFile: authorityFile, tokenFile: tokenFile, keyFile: keyFile,
            device: device, member: member, name: name, email: email)
    }
}

extension ClientConfiguration.KnownReplica {
    fileprivate init?(_ json: PlainJSON) {
        guard let workspace = json["workspace"]?.text, let server = json["server"]?.text,
            let file = json["file"]?.text
        else { return nil }
        self.init(workspace: workspace, server: server, file: file)
        if let json = json["versionBeforeSync"] {
            guard let version = json.integer else { return nil }
            versionBeforeSync = version
        }
    }
}
