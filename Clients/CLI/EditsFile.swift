// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingCore
import TingStore

/// Unsynced edits as a file: for people to read, and to be taken in again, byte for byte.
///
/// `ting logout --export` writes one; `ting outbox export` and `ting quarantine export` print its
/// lists alone. `stored` holds a change set whole; what stands beside it is for readers.
struct EditsFile {
    var workspace: String?
    var outbox: [ChangeSet] = []
    var quarantine: [QuarantinedChangeSet] = []
    var held: [HeldEdit] = []

    /// Everything that only this replica has.
    init(_ replica: Replica) throws {
        workspace = try replica.identity().workspace
        held = try replica.heldEdits()
        outbox = try replica.outbox().map(\.changeSet)
        quarantine = try replica.quarantine()
    }

    var count: Int { outbox.count + quarantine.count + held.count }

    func json(_ schema: Schema) -> JSONValue {
        .object([
            ("workspace", .text(workspace)),
            ("outbox", .array(outbox.map { Self.json($0, schema, workspace) })),
            ("quarantine", .array(quarantine.map { Self.json($0, schema, workspace) })),
            ("invalid", .array(held.map(Self.json))),
        ])
    }

    static func json(_ changeSet: ChangeSet, _ schema: Schema, _ workspace: String?) -> JSONValue {
        .object(
            ChangeSetView(changeSet, schema).members + [
                ("workspace", .text(workspace)), stored(changeSet),
            ])
    }

    static func json(
        _ item: QuarantinedChangeSet, _ schema: Schema, _ workspace: String?
    ) -> JSONValue {
        .object(
            Quarantine.members(item, schema) + [
                ("workspace", .text(workspace)), stored(item.changeSet),
            ])
    }

    private static func stored(_ changeSet: ChangeSet) -> (String, JSONValue) {
        ("stored", .text(Data(changeSet.storedBytes).base64EncodedString()))
    }

    private static func json(_ edit: HeldEdit) -> JSONValue {
        .object([
            ("collection", .text(edit.collection)), ("record", .text(edit.record)),
            (
                "columns",
                .object(
                    edit.columns.sorted { $0.key < $1.key }.map { name, content in
                        switch content {
                        case .null: (name, .null)
                        case .integer(let number): (name, .integer(number))
                        case .text(let text): (name, .text(text))
                        case .bytes(let bytes):
                            (name, .object([("bytes", .text(Data(bytes).base64EncodedString()))]))
                        }
                    })
            ),
        ])
    }

    // MARK: Reading

    /// Reads what any of the exports wrote.
    init(_ data: Data) throws {
        let decoder = JSONDecoder()
        if let whole = try? decoder.decode(Whole.self, from: data) {
            workspace = whole.workspace
            outbox = try whole.outbox.map(Self.changeSet)
            quarantine = try whole.quarantine.map(Self.quarantined)
            held = whole.invalid.map { edit in
                HeldEdit(
                    collection: edit.collection, record: edit.record,
                    columns: edit.columns.mapValues(\.content))
            }
        } else if let items = try? decoder.decode([Item].self, from: data) {
            let named = Set(items.compactMap(\.workspace))
            guard named.count < 2 else { throw Self.mixed }
            workspace = named.first
            outbox = try items.filter { $0.code == nil }.map(Self.changeSet)
            quarantine = try items.filter { $0.code != nil }.map(Self.quarantined)
        } else {
            throw Self.foreign
        }
    }

    private static func changeSet(_ item: Item) throws -> ChangeSet {
        guard let text = item.stored, let bytes = Data(base64Encoded: text),
            let changeSet = try? ChangeSet(storedBytes: Array(bytes))
        else { throw foreign }
        return changeSet
    }

    private static func quarantined(_ item: Item) throws -> QuarantinedChangeSet {
        guard let code = item.code.flatMap(Rejection.init(rawValue:)) else { throw foreign }
        return QuarantinedChangeSet(
            changeSet: try changeSet(item), code: code, detail: item.detail ?? "",
            time: item.rejected.flatMap(TimeText.instant) ?? Session.clock())
    }

    private static var mixed: CommandError {
        CommandError(
            .error, code: "other_workspace", "These are edits of several workspaces.",
            remedy: "Import those of each workspace by themselves.")
    }

    private static var foreign: CommandError {
        CommandError(
            .error, code: "not_edits", "This is no file of exported edits, or it was cut.",
            remedy: "Name a file that `ting logout --export` or `ting outbox export` wrote.")
    }

    private struct Whole: Decodable {
        var workspace: String?
        var outbox: [Item]
        var quarantine: [Item]
        var invalid: [Held]
    }

    private struct Item: Decodable {
        var workspace: String?
        var stored: String?
        var code: String?
        var detail: String?
        var rejected: String?
    }

    private struct Held: Decodable {
        var collection: String
        var record: String
        var columns: [String: Column]
    }

    /// A text that is not UTF-8, which JSON can't hold.
    private struct Bytes: Decodable {
        var bytes: Data
    }

    private struct Column: Decodable {
        var content: HeldEdit.Content

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let other = try? value.decode(Bytes.self) {
                content = .bytes(Array(other.bytes))
            } else if value.decodeNil() {
                content = .null
            } else if let number = try? value.decode(Int64.self) {
                content = .integer(number)
            } else {
                content = .text(try value.decode(String.self))
            }
        }
    }
}
