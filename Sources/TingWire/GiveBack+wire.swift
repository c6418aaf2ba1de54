// SPDX-License-Identifier: Apache-2.0

package import TingCore

/// Giving back what a restored server lost: messages to values and back.
extension GiveBackRequest {
    package init(wire message: Ting_V1_GiveBackRequest) throws(WireError) {
        var entries: [Entry] = []
        for entry in message.entries {
            guard entry.version > entries.last?.version ?? 0 else {
                throw WireError("entries.version", "not ascending from 1")
            }
            entries.append(try Entry(wire: entry))
        }
        self.init(
            epoch: try Wire.id(message.epoch, "epoch"), schema: Int(clamping: message.schema),
            entries: entries)
    }

    package var wire: Ting_V1_GiveBackRequest { wire(entries: \.wire) }

    /// The same with its change sets in columns.
    package var terseWire: Ting_V1_GiveBackRequest { wire(entries: \.terseWire) }

    private func wire(entries form: (Entry) -> Ting_V1_Entry) -> Ting_V1_GiveBackRequest {
        var message = Ting_V1_GiveBackRequest()
        message.`protocol` = protocolVersion
        message.schema = Int64(schema)
        message.epoch = epoch.description
        message.entries = entries.map(form)
        return message
    }
}

extension GiveBackResponse {
    package init(wire message: Ting_V1_GiveBackResponse) throws(WireError) {
        self.init(
            epoch: try Wire.id(message.epoch, "epoch"), head: message.head, taken: message.taken,
            refused: message.refused)
    }

    package var wire: Ting_V1_GiveBackResponse {
        var message = Ting_V1_GiveBackResponse()
        message.epoch = epoch.description
        message.head = head
        message.taken = taken
        message.refused = refused
        return message
    }
}
