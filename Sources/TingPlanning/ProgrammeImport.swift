// SPDX-License-Identifier: Apache-2.0

public import Foundation
public import TingCore

/// A record that a file asks for.
public struct PlannedRecord: Equatable, Sendable {
    public var collection: String
    public var id: RecordID
    /// Canonical values, by field; defaults left out.
    public var values: [String: Value]
}

/// A line or item that could not be read as it stands.
public struct ImportProblem: Equatable, Sendable {
    /// The line of a CSV file (the heading is 1), or the place of a JSON item (the first is 1).
    public var line: Int
    public var problem: String
}

/// Reads programme and partnership files into records of the planning schema.
///
/// Pure: the same bytes and workspace give the same records with the same ids, so that two people
/// who import offline make the same records. An id is a UUIDv8 from SHA-256 over the UTF-8 bytes of
/// workspace, source and key, with a NUL between them.
public struct ProgrammeImport: Equatable, Sendable {
    public private(set) var records: [PlannedRecord] = []
    public private(set) var problems: [ImportProblem] = []

    private let workspace: String
    /// Where in `records` the organisation of a name is.
    private var organisations: [String: Int] = [:]
    private let schema = PlanningSchema.schema

    /// What is wrong with a file as a whole.
    public struct Unreadable: Error, Equatable {
        public var problem: String
        public var remedy: String
    }

    /// The kinds of file that are read.
    public enum Format: Sendable {
        case json, csv

        /// As the name of a file ends; as the bytes begin, where there is no name.
        fileprivate init(_ data: Data, name: String?) throws {
            guard let name else {
                let first = data.first { !Self.isAside($0) }
                self = first == UInt8(ascii: "{") || first == UInt8(ascii: "[") ? .json : .csv
                return
            }
            if name.lowercased().hasSuffix(".json") {
                self = .json
            } else if name.lowercased().hasSuffix(".csv") {
                self = .csv
            } else {
                throw Unreadable(
                    problem: "The file \(name) is neither .json nor .csv",
                    remedy: "Name a programme file (.json) or a partnership file (.csv).")
            }
        }

        /// White space, or a part of a byte order mark.
        private static func isAside(_ byte: UInt8) -> Bool {
            [0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf].contains(byte)
        }
    }

    /// What the file was read as.
    public let format: Format

    /// - Parameters:
    ///   - name: The file's name; it tells CSV from JSON. Without one (standard input), the bytes do.
    ///   - workspace: The slug of the workspace that the records are for.
    /// - Throws: `Unreadable`.
    public init(_ data: Data, name: String?, workspace: String) throws {
        self.workspace = workspace
        format = try Format(data, name: name)
        switch format {
        case .json: try readProgramme(data)
        case .csv: try readPartnerships(data)
        }
    }

    /// The id of what `key` names in `source`.
    public static func id(_ workspace: String, _ source: String, _ key: String) -> RecordID {
        .named(Array("\(workspace)\u{0}\(source)\u{0}\(key)".utf8))
    }

    // MARK: joint-work-programme.json

    private static let programmeSource = "joint-work-programme"

    private mutating func readProgramme(_ data: Data) throws {
        let items = try ProgrammeFile(data).items
        let programmes = Set(
            items.compactMap { try? $0.get() }
                .filter { Self.collection(of: $0.kind) == "programme" }.map(\.id))
        var seen: Set<String> = []
        var unknown: Set<String> = []
        for (position, read) in items.enumerated() {
            do throws(ProgrammeFile.Unread) {
                let item = try read.get()
                guard isNew(item.id, &seen, position + 1) else { continue }
                problems += item.problems.map {
                    ImportProblem(line: position + 1, problem: "\($0); it is left out")
                }
                problems += item.unknown.filter { unknown.insert($0).inserted }.map {
                    let problem = "the member `\($0)` is unknown; it is left out"
                    return ImportProblem(line: position + 1, problem: problem)
                }
                take(item, programmes, line: position + 1)
            } catch {
                problems.append(
                    ImportProblem(
                        line: position + 1, problem: "\(error.problem); the item is left out"))
            }
        }
    }

    /// Whether there is an id, and no earlier row or item has it; otherwise the problem is noted.
    private mutating func isNew(_ id: String, _ seen: inout Set<String>, _ line: Int) -> Bool {
        guard !id.isEmpty else {
            problems.append(ImportProblem(line: line, problem: "`id` is empty; it is left out"))
            return false
        }
        guard seen.insert(id).inserted else {
            problems.append(
                ImportProblem(line: line, problem: "`\(id)` was there before; it is left out"))
            return false
        }
        return true
    }

    private static func collection(of kind: String) -> String {
        switch kind {
        case "programme", "framework": "programme"
        case "mou", "agreement", "workplan": "agreement"
        case "event": "visit"
        default: "project"
        }
    }

    private mutating func take(_ item: ProgrammeFile.Item, _ programmes: Set<String>, line: Int) {
        let collection = Self.collection(of: item.kind)
        let danish = item.danish.map { organisation($0, country: "DK", line: line) }
        let chinese = item.chinese.map { organisation($0, country: "CN", line: line) }
        let places = item.cn_divisions + item.dk_divisions
        checkPlaces(places, line: line)
        var note = item.note
        if let amount = item.amount {
            note += (note.isEmpty ? "" : "\n") + "Amount: \(amount)."
        }
        let programme = programme(of: item, collection, programmes, line: line)
        var values: [String: Value] = [
            "title_en": .text(item.title), "title": .text(item.title),
            "source_url": .set(of: item.source),
            "confidence": .text(item.confidence),
            "tags": .set(of: item.tags + [item.kind] + programme.tags),
            "focus": .set(of: item.focus_area.isEmpty ? [] : [item.focus_area]),
            "places": .set(of: places),
        ]
        switch collection {
        case "programme":
            values["code"] = .text(item.id)
            values["notes"] = .text(note)
            values["start"] = .text(item.start)
            values["end"] = .text(item.end)
        case "agreement":
            values["kind"] = .text(item.kind)
            values["parties"] = .set(of: item.danish + item.chinese)
            values["signed"] = .text(item.start)
            values["expires"] = .text(item.end)
            values["notes"] = .text(note)
            values["programme"] = programme.reference
        case "visit":
            values["start"] = .text(item.start)
            values["end"] = .text(item.end)
            values["delegation"] = .set(of: item.danish + item.chinese)
            values["brief"] = .text(note)
        default:
            values["code"] = .text(item.id)
            values["summary"] = .text(note)
            values["start"] = .text(item.start)
            values["end"] = .text(item.end)
            values["partners"] = .set(of: item.danish + item.chinese)
            values["lead_dk"] = danish.first.map { .text($0.description) } ?? .null
            values["lead_cn"] = chinese.first.map { .text($0.description) } ?? .null
            values["programme"] = programme.reference
        }
        append(
            collection, Self.id(workspace, Self.programmeSource, item.id), values, line: line)
    }

    /// The programme that an item names: a reference to a record of the file, or else a tag, as for
    /// what has no field for it.
    private mutating func programme(
        of item: ProgrammeFile.Item, _ collection: String, _ programmes: Set<String>, line: Int
    ) -> (reference: Value, tags: [String]) {
        let name = Self.line(item.programme)
        let isItself = collection == "programme" && name == item.id
        guard !isItself, !name.allSatisfy(\.isWhitespace) else { return (.null, []) }
        guard schema.collection(collection)?.field("programme") != nil, name != item.id,
            programmes.contains(name)
        else {
            guard name.utf8.count <= Limits.elementByteLimit else {
                problems.append(
                    ImportProblem(line: line, problem: "`programme` is too long; it is left out"))
                return (.null, [])
            }
            return (.null, [name])
        }
        return (.text(Self.id(workspace, Self.programmeSource, name).description), [])
    }

    // MARK: partnerships.csv

    private static let columns: Set<String> = [
        "id", "dk_code", "danish_side", "cn_province", "cn_gb", "chinese_side", "chinese_side_zh",
        "kind", "start", "end", "focus", "source", "confidence", "note",
    ]

    private mutating func readPartnerships(_ data: Data) throws {
        guard let text = String(validating: data, as: UTF8.self) else {
            throw Unreadable(problem: "The file is not UTF-8", remedy: "Save it as UTF-8.")
        }
        let rows: [CSVTable.Row]
        do {
            rows = try CSVTable(text).rows
        } catch {
            throw Unreadable(
                problem: "Line \(error.line) is not CSV: \(error.problem)",
                remedy: "Quote cells as RFC 4180 says; nothing was imported.")
        }
        let heading = (rows.first?.cells ?? []).map { $0.trimmingCharacters(in: .whitespaces) }
        guard heading.contains("id"), heading.contains("danish_side") else {
            throw Unreadable(
                problem: "The heading lacks `id` and `danish_side`",
                remedy: "Give a partnership file as in Clients/Examples/data/partnerships.csv.")
        }
        checkColumns(heading)
        var seen: Set<String> = []
        for row in rows.dropFirst() {
            guard row.cells.count == heading.count else {
                let count = "\(row.cells.count) cells, the heading \(heading.count)"
                problems.append(
                    ImportProblem(line: row.line, problem: "the row has \(count); it is left out"))
                continue
            }
            let trimmed = row.cells.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            let cells = Dictionary(zip(heading, trimmed)) { first, _ in first }
            guard isNew(cells["id"] ?? "", &seen, row.line) else { continue }
            take(partnership: cells, line: row.line)
        }
    }

    /// Notes the columns left out: an unknown one once, a known one each time it comes again.
    private mutating func checkColumns(_ heading: [String]) {
        var seen: Set<String> = []
        for name in heading {
            let problem: String
            switch (Self.columns.contains(name), seen.insert(name).inserted) {
            case (false, true): problem = "is unknown"
            case (true, false): problem = "was there before"
            default: continue
            }
            problems.append(
                ImportProblem(line: 1, problem: "the column `\(name)` \(problem); it is left out"))
        }
    }

    private mutating func take(partnership row: [String: String], line: Int) {
        let cell = { (name: String) in row[name] ?? "" }
        let danishNames = list(cell("danish_side"), separator: ";")
        let danish = danishNames.map { organisation($0, country: "DK", line: line) }
        let chinese =
            cell("chinese_side").isEmpty
            ? nil
            : organisation(
                cell("chinese_side"), country: "CN", chineseName: cell("chinese_side_zh"),
                line: line)
        let places = [cell("dk_code"), cell("cn_province"), cell("cn_gb")].filter { !$0.isEmpty }
        checkPlaces(places, line: line)
        let values: [String: Value] = [
            "code": .text(cell("id")),
            "title_en": .text("\(cell("danish_side")) – \(cell("chinese_side"))"),
            "summary": .text(cell("note")),
            "partners": .set(
                of: (danishNames + [cell("chinese_side")]).filter { !$0.isEmpty }),
            "lead_dk": danish.first.map { .text($0.description) } ?? .null,
            "lead_cn": chinese.map { .text($0.description) } ?? .null,
            "places": .set(of: places),
            "start": .text(cell("start")), "end": .text(cell("end")),
            "tags": .set(
                of: list(cell("kind"), separator: ";") + list(cell("focus"), separator: ";")),
            "source_url": .set(of: list(cell("source"), separator: " ")),
            "confidence": .text(cell("confidence")),
        ]
        append("project", Self.id(workspace, "partnerships", cell("id")), values, line: line)
    }

    private func list(_ text: String, separator: Character) -> [String] {
        text.split(separator: separator).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }

    // MARK: Records

    /// Notes codes that no reference table has, nor could have: they are kept all the same, since
    /// codes retire and borders move.
    private mutating func checkPlaces(_ codes: [String], line: Int) {
        for code in codes where !PlaceCode.isKnown(code) {
            problems.append(
                ImportProblem(line: line, problem: "places: `\(code)` is no known code; it is kept")
            )
        }
    }

    /// One organisation a distinct name, whatever file names it.
    /// - Parameter line: Where it is named: a problem is that of its first mention.
    private mutating func organisation(
        _ name: String, country: String, chineseName: String = "", line: Int
    ) -> RecordID {
        let name = Self.line(name.normalized)
        if let place = organisations[name] {
            complete(name, at: place, chineseName: chineseName, line: line)
            return records[place].id
        }
        let id = Self.id(workspace, "organisation", name)
        organisations[name] = records.count
        append(
            "organisation", id,
            [
                "name_en": .text(name), "country": .text(country), "name_zh": .text(chineseName),
            ], line: line)
        return id
    }

    /// Gives an organisation the Chinese name that earlier mentions lacked; another one is noted.
    private mutating func complete(
        _ name: String, at place: Int, chineseName: String, line: Int
    ) {
        let values = canonical(["name_zh": .text(chineseName)], of: "organisation", line: line)
        guard let given = values["name_zh"]?.text else { return }
        guard let known = records[place].values["name_zh"]?.text else {
            records[place].values["name_zh"] = .text(given)
            return
        }
        guard known != given else { return }
        let before = "the Chinese name of `\(name)` was `\(known)` before"
        problems.append(
            ImportProblem(line: line, problem: "\(before); `\(given)` is left out"))
    }

    /// A name or title on one line: a spreadsheet breaks them where a cell is narrow.
    private static func line(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private mutating func append(
        _ collection: String, _ id: RecordID, _ values: [String: Value], line: Int
    ) {
        let values = canonical(values, of: collection, line: line)
        records.append(PlannedRecord(collection: collection, id: id, values: values))
    }

    /// The values as the schema has them; one that it doesn't allow is noted.
    private mutating func canonical(
        _ values: [String: Value], of collection: String, line: Int
    ) -> [String: Value] {
        var values = values
        for field in ["title", "title_en", "name_zh"] {
            if let text = values[field]?.text { values[field] = .text(Self.line(text)) }
        }
        var canonical: [String: Value] = [:]
        for field in schema.collection(collection)?.fields ?? [] {
            guard let value = values[field.name], value != .text("") else { continue }
            do throws(InvalidValue) {
                let clean = try field.canonical(value)
                if clean != field.standard { canonical[field.name] = clean }
            } catch {
                problems.append(
                    ImportProblem(line: line, problem: "\(field.name): \(error.problem)"))
            }
        }
        return canonical
    }
}
