// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore
import TingTesting

/// Two members who hold the same few records: where every exchange begins.
extension Team {
    static let records = (1...4).map { RecordID.named([UInt8($0)]) }

    /// Made once a process.
    static let settled = Result {
        let team = try Team(2)
        try team.foreign(
            0,
            """
            INSERT INTO person(id, name) VALUES('\(records[0])', 'Åse 李');
            INSERT INTO project(id, code, title, partners, hours)
              VALUES('\(records[1])', 'A', 'Water', '["a","b"]', 3);
            INSERT INTO project(id, code, title, lead)
              VALUES('\(records[2])', 'B', 'Wind', '\(records[0])');
            INSERT INTO task(id, project, title) VALUES('\(records[3])', '\(records[1])', 'Begin');
            """)
        try team.sync(0)
        try team.sync(1)
        return try team.template()
    }

    var epoch: Epoch { get throws { try replicas[0].identity().base.epoch } }
}
