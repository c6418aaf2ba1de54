// SPDX-License-Identifier: Apache-2.0

import TingClient
import TingCore
import TingStore

/// What `ting add` and `ting set` do, once their arguments are read.
struct RecordEdit: Equatable {
    enum Verb: String { case add, set }

    var verb: Verb
    var options = CommonOptions()
    /// A collection for `add`, a record for `set`.
    var target: String
    /// `field=value` and its kin.
    var fields: [String]
    var message = ""

    func run() throws {
        let session = Session(options: options)
        let console = Console(json: options.json, quiet: options.quiet)
        let replica = try session.replica()
        switch verb {
        case .add: try add(session, console, replica)
        case .set: try set(session, console, replica)
        }
        try session.warnAboutRole(replica, console)
    }

    private func add(_ session: Session, _ console: Console, _ replica: Replica) throws {
        let collection = try session.collection(target, replica)
        guard collection.name != CollectionSchema.conflict.name else {
            throw CommandError(
                .usage, code: "unknown_collection", "Conflicts are written by the merge alone.",
                remedy: "Settle one with `ting resolve CONFLICT keep`.")
        }
        let changes = try FieldChanges(fields)
        var generator = SystemRandomNumberGenerator()
        let id = RecordID.timeOrdered(milliseconds: Session.clock(), using: &generator)
        let taken = try replica.write(message: message) { db in
            let values = try changes.values(
                collection, current: [:], reader: session.reader(replica, db))
            try replica.insert(db, collection.name, id, values)
            return try RecordTable(collection).taken(db, values, by: id)
        }
        warn(about: taken, console)
        console.result(
            .object([("collection", .text(collection.name)), ("id", .text(id.description))]),
            [id.description])
    }

    private func set(_ session: Session, _ console: Console, _ replica: Replica) throws {
        let changes = try FieldChanges(fields)
        let (found, taken) = try replica.write(message: message) { db in
            let found = try RecordFinder(replica).record(db, target)
            let table = RecordTable(try session.collection(found.collection, replica))
            let current = try table.values(db, found.id) ?? [:]
            let values = try changes.values(
                table.collection, current: current, reader: session.reader(replica, db))
            try replica.update(db, found.collection, found.id, values)
            return (found, try table.taken(db, values, by: found.id))
        }
        warn(about: taken, console)
        guard options.json else { return }
        console.data(
            .object([
                ("collection", .text(found.collection)), ("id", .text(found.id.description)),
                ("fields", .array(changes.fieldNames.map { .text($0) })),
            ]))
    }
}

extension RecordEdit {
    /// Says what becomes of a unique value that another record has: the merge decides, not this replica.
    private func warn(about taken: [Field], _ console: Console) {
        for field in taken {
            console.warn(
                "another record here has this `\(field.name)`: the sync will add a suffix to this one, and open a conflict."
            )
        }
    }
}

extension RecordEdit {
    /// `nil` for everything that is no plain edit: see `PlainArguments`.
    init?(_ arguments: [String]) {
        guard let verb = arguments.first.flatMap(Verb.init),
            let plain = PlainArguments(arguments.dropFirst(), options: ["--message", "-m"]),
            plain.operands.count > (verb == .set ? 1 : 0)
        else { return nil }
        let message = plain.value("--message", "-m") ?? ""
        guard MessageOption.fits(message) else { return nil }
        self.init(
            verb: verb, options: plain.options, target: plain.operands[0],
            fields: Array(plain.operands.dropFirst()), message: message)
    }
}
