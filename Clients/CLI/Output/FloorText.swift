// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore

/// Says what a replica can't tell, because its history begins above version 1.
struct FloorText {
    private let floor: HistoryFloor

    /// `nil` where the whole history after `version` is here.
    init?(_ replica: Replica, since version: Version = 0) throws {
        guard let floor = try replica.floor(), version.isBelow(floor: floor.version) else {
            return nil
        }
        self.floor = floor
    }

    /// Whether something from a time on may lie below the floor.
    func reaches(_ time: Int64) -> Bool { time <= floor.before }

    var sentence: String {
        "What came before version \(floor.version) (\(TimeText.short(floor.before)) and earlier) lies below the floor: it is not in this replica."
    }

    let remedy = "Whoever runs the server can look it up with `tingd log`."
}

extension Console {
    /// Beside the answer: it may not be the whole story.
    func noteFloor(_ text: FloorText?) {
        guard let text else { return }
        note(text.sentence)
        hint(text.remedy)
    }
}
