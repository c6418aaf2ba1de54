// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore

/// One field, or one text, as an edit meets it: `Protocol/spec/merge.md#fields`.
enum MergeVectors {
    static func text(_ input: JSONNode, _ expect: JSONNode) throws {
        var steps = input["steps"].flatMap { Int($0) } ?? Limits.mergeStepLimit
        let merge = TextMerge(
            base: input["base"] ?? "", current: input["current"] ?? "",
            incoming: input["incoming"] ?? "",
            later: input["later"] == "current" ? .current : .incoming, steps: &steps)
        // By bytes: equal texts of Swift may differ in their normal form.
        #expect(Array(merge.text.utf8) == Array((expect["text"] ?? "").utf8))
        #expect(merge.overlaps == expect.object["overlaps"] as? Bool)
    }

    static func field(_ input: JSONNode, _ expect: JSONNode) throws {
        let policy = try need(Field.Policy(rawValue: try need(input["policy"])))
        let values = input.texts("values")
        var steps = Limits.mergeStepLimit
        let merge = FieldMerge(
            .init(
                field: Field("f", values.isEmpty ? .text : .enum, policy, values: values),
                before: try input.value("before"), current: try input.value("current"),
                after: try input.value("after"), writerUnseen: input.flag("writer_unseen"),
                editUnseen: input.flag("edit_unseen"),
                currentTime: try input.integer("current_time"), time: try input.integer("time")),
            steps: &steps)
        #expect(merge.value == (try expect.value("value")))
        #expect("\(merge.writer)" == expect["writer"])
        let conflict = (expect.object["conflict"] as? [String: Any]).map { JSONNode($0) }
        #expect(merge.conflict?.kind.rawValue == conflict?["kind"])
        #expect(merge.conflict?.other == (try conflict?.value("other")))
        #expect(merge.conflict?.otherIsIncoming == conflict?.flag("other_is_incoming"))
    }
}
