// SPDX-License-Identifier: Apache-2.0

import TingCore

/// Operations in columns: `Protocol/spec/terse.md#columns`.
///
/// Like stands beside like, so that gzip finds it; every operation comes back exactly as it was, and
/// so does the hash.
extension Ting_V1_Columns {
    /// - Parameter time: That of the change set.
    init(_ operations: [TingCore.Operation], time: Int64) {
        var writer = ColumnWriter()
        writer.write(operations, time: time)
        self = writer.columns
    }

    /// - Parameter time: That of the change set.
    func read(time: Int64) throws(WireError) -> [TingCore.Operation] {
        try ColumnReader(self).operations(time: time)
    }
}

/// What operations have in common.
private struct Shape: Hashable {
    var kind: TingCore.Operation.Kind
    var collection: String
    var fields: [String]

    init(_ operation: TingCore.Operation) {
        kind = operation.kind
        collection = operation.collection
        fields = operation.fields.map(\.field)
    }

    init(wire message: Ting_V1_Columns.Shape) throws(WireError) {
        guard let kind = Wire.word(message.kind, as: TingCore.Operation.Kind.self) else {
            throw WireError("columns.shapes.kind", "unknown")
        }
        // Each stands once here, and in every operation of the change set.
        for name in [message.collection] + message.fields
        where name.utf8.count > Limits.nameByteLimit {
            throw WireError("columns.shapes", "a name is too long")
        }
        self.kind = kind
        collection = message.collection
        fields = message.fields
    }

    var nameBytes: Int { collection.utf8.count + fields.reduce(0) { $0 + $1.utf8.count } }

    var wire: Ting_V1_Columns.Shape {
        var message = Ting_V1_Columns.Shape()
        message.kind = kind.rawValue
        message.collection = collection
        message.fields = fields
        return message
    }
}

/// The kinds of values, as `Columns.kinds` numbers them.
private enum ValueKind: UInt32 {
    case null, integer, text, set
}

private struct ColumnWriter {
    private(set) var columns = Ting_V1_Columns()
    private var bases: [Base: UInt32] = [:]

    mutating func write(_ operations: [TingCore.Operation], time: Int64) {
        writePlaces(operations)
        writeTimes(operations, time)
        writeBases(operations)
        for members in arrange(operations) {
            for field in operations[members[0]].fields.indices {
                for member in members { write(operations[member].fields[field].before) }
                for member in members { write(operations[member].fields[field].after) }
            }
        }
    }

    /// The operations of each shape.
    private mutating func arrange(_ operations: [TingCore.Operation]) -> [[Int]] {
        var places: [Shape: Int] = [:]
        var members: [[Int]] = []
        for (position, operation) in operations.enumerated() {
            let shape = Shape(operation)
            let place = places[shape] ?? members.count
            if place == members.count {
                places[shape] = place
                members.append([])
                columns.shapes.append(shape.wire)
            }
            members[place].append(position)
            columns.operations.append(UInt32(place))
        }
        return members
    }

    private mutating func writePlaces(_ operations: [TingCore.Operation]) {
        var last: UInt64 = 0
        for operation in operations {
            let time = operation.record.high >> 16
            columns.recordTimes.append(Int64(time) - Int64(last))
            last = time
            columns.recordRests += operation.record.bytes[6...]
        }
    }

    private mutating func writeTimes(_ operations: [TingCore.Operation], _ time: Int64) {
        var last = time
        var times: [Int64] = []
        for operation in operations {
            times.append(operation.time &- last)
            last = operation.time
        }
        let ofFields = operations.flatMap { operation in
            operation.fields.map { $0.time &- operation.time }
        }
        if times.contains(where: { $0 != 0 }) { columns.times = times }
        if ofFields.contains(where: { $0 != 0 }) { columns.fieldTimes = ofFields }
    }

    private mutating func writeBases(_ operations: [TingCore.Operation]) {
        let own = operations.map { place($0.base) }
        let ofFields = operations.flatMap { $0.fields.map { place($0.base) } }
        if own.contains(where: { $0 != 0 }) { columns.operationBases = own }
        if ofFields.contains(where: { $0 != 0 }) { columns.fieldBases = ofFields }
    }

    private mutating func place(_ base: Base?) -> UInt32 {
        guard let base else { return 0 }
        if let known = bases[base] { return known }
        columns.bases.append(base.wire)
        bases[base] = UInt32(columns.bases.count)
        return UInt32(columns.bases.count)
    }

    private mutating func write(_ value: Value) {
        switch value {
        case .null: columns.kinds.append(ValueKind.null.rawValue)
        case .integer(let integer):
            columns.kinds.append(ValueKind.integer.rawValue)
            columns.integers.append(integer)
        case .text(let text):
            columns.kinds.append(ValueKind.text.rawValue)
            write(text)
        case .set(let elements):
            columns.kinds.append(ValueKind.set.rawValue)
            columns.setSizes.append(UInt32(elements.count))
            for element in elements { write(element) }
        }
    }

    private mutating func write(_ text: String) {
        columns.textBytes.append(UInt32(text.utf8.count))
        columns.texts += text
    }
}

/// Columns may come from anyone: their lengths are compared before anything is built of them.
private struct ColumnReader {
    private let columns: Ting_V1_Columns
    private let shapes: [Shape]
    private let bases: [Base]
    private let fieldCount: Int
    /// Of each shape, how many operations it has, and where its values begin.
    private var counts: [Int]
    private var starts: [Int]

    init(_ columns: Ting_V1_Columns) throws(WireError) {
        self.columns = columns
        var shapes: [Shape] = []
        for shape in columns.shapes { shapes.append(try Shape(wire: shape)) }
        self.shapes = shapes
        var bases: [Base] = []
        for base in columns.bases { bases.append(try Base(wire: base)) }
        self.bases = bases
        guard columns.operations.count <= Limits.operationLimit else {
            throw WireError("columns.operations", "more than \(Limits.operationLimit)")
        }
        counts = [Int](repeating: 0, count: shapes.count)
        for place in columns.operations {
            guard place < UInt32(shapes.count) else {
                throw WireError("columns.operations", "there is no such shape")
            }
            counts[Int(place)] += 1
        }
        starts = []
        var (fields, nameBytes) = (0, 0)
        for (shape, count) in zip(shapes, counts) {
            starts.append(fields * 2)
            fields += shape.fields.count * count
            nameBytes += shape.nameBytes * count
        }
        fieldCount = fields
        // Written out, each operation names its fields: no client seals a change set that large.
        guard nameBytes <= 2 * Limits.changeSetByteLimit else {
            throw WireError("columns.shapes", "their names come to too much, written out")
        }
        try checkLengths()
    }

    private func checkLengths() throws(WireError) {
        let count = columns.operations.count
        try expect(columns.recordTimes.count == count, "record_times")
        try expect(columns.recordRests.count == count * 10, "record_rests")
        try expect([0, count].contains(columns.times.count), "times")
        try expect([0, count].contains(columns.operationBases.count), "operation_bases")
        try expect([0, fieldCount].contains(columns.fieldTimes.count), "field_times")
        try expect([0, fieldCount].contains(columns.fieldBases.count), "field_bases")
        try expect(columns.kinds.count == fieldCount * 2, "kinds")
    }

    private func expect(_ isRight: Bool, _ column: String) throws(WireError) {
        guard isRight else { throw WireError("columns.\(column)", "of another length") }
    }

    func operations(time: Int64) throws(WireError) -> [TingCore.Operation] {
        let values = try values()
        let records = records()
        var seen = [Int](repeating: 0, count: shapes.count)
        var (time, field) = (time, 0)
        var operations: [TingCore.Operation] = []
        operations.reserveCapacity(columns.operations.count)
        for (position, place) in columns.operations.enumerated() {
            let (place, shape) = (Int(place), shapes[Int(place)])
            if !columns.times.isEmpty { time &+= columns.times[position] }
            var edits: [FieldEdit] = []
            edits.reserveCapacity(shape.fields.count)
            // The values before of the field, then those after.
            var at = starts[place] + seen[place]
            for name in shape.fields {
                edits.append(
                    FieldEdit(
                        name, before: values[at], after: values[at + counts[place]],
                        base: try base(columns.fieldBases, field),
                        time: columns.fieldTimes.isEmpty
                            ? time : time &+ columns.fieldTimes[field]))
                at += 2 * counts[place]
                field += 1
            }
            seen[place] += 1
            operations.append(
                Operation(
                    shape.kind, shape.collection, records[position],
                    base: try base(columns.operationBases, position), time: time, fields: edits))
        }
        return operations
    }

    private func base(_ column: [UInt32], _ position: Int) throws(WireError) -> Base? {
        guard !column.isEmpty, column[position] > 0 else { return nil }
        guard column[position] <= UInt32(bases.count) else {
            throw WireError("columns.bases", "there is no such base")
        }
        return bases[Int(column[position]) - 1]
    }

    private func records() -> [RecordID] {
        let rests = [UInt8](columns.recordRests)
        var time: Int64 = 0
        return columns.recordTimes.enumerated().map { position, step in
            time &+= step
            let rest = rests[position * 10..<position * 10 + 10]
            return RecordID(
                high: UInt64(bitPattern: time) << 16
                    | rest.prefix(2).reduce(0) { $0 << 8 | UInt64($1) },
                low: rest.dropFirst(2).reduce(0) { $0 << 8 | UInt64($1) })
        }
    }

    private func values() throws(WireError) -> [Value] {
        var texts = TextReader(columns)
        var (integers, sizes) = (columns.integers.makeIterator(), columns.setSizes.makeIterator())
        var values: [Value] = []
        values.reserveCapacity(columns.kinds.count)
        for kind in columns.kinds {
            switch ValueKind(rawValue: kind) {
            case .null: values.append(.null)
            case .integer:
                guard let integer = integers.next() else { throw Self.short("integers") }
                values.append(.integer(integer))
            case .text: values.append(.text(try texts.next()))
            case .set:
                guard let size = sizes.next() else { throw Self.short("set_sizes") }
                var elements: [String] = []
                for _ in 0..<size { elements.append(try texts.next()) }
                values.append(.set(elements))
            case nil: throw WireError("columns.kinds", "unknown: \(kind)")
            }
        }
        try expect(integers.next() == nil, "integers")
        try expect(sizes.next() == nil, "set_sizes")
        try expect(texts.isAtEnd, "texts")
        return values
    }

    static func short(_ column: String) -> WireError {
        WireError("columns.\(column)", "of another length")
    }
}

/// Cuts the texts of columns apart.
private struct TextReader {
    private let utf8: [UInt8]
    private var lengths: IndexingIterator<[UInt32]>
    private var at = 0

    init(_ columns: Ting_V1_Columns) {
        utf8 = Array(columns.texts.utf8)
        lengths = columns.textBytes.makeIterator()
    }

    var isAtEnd: Bool {
        var rest = lengths
        return at == utf8.count && rest.next() == nil
    }

    mutating func next() throws(WireError) -> String {
        guard let length = lengths.next(), Int(length) <= utf8.count - at else {
            throw ColumnReader.short("texts")
        }
        defer { at += Int(length) }
        guard let text = String(validating: utf8[at..<at + Int(length)], as: UTF8.self) else {
            throw WireError("columns.texts", "cut within a character")
        }
        return text
    }
}
