// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingWire

/// Problem documents: `Protocol/spec/errors.md`. `Clients/Python` sends the requests to a real server.
enum ErrorVectors {
    static func problem(_ input: JSONNode, _ expect: JSONNode) throws {
        let expected = try expect.node("problem")
        let code = try need(ProblemCode(rawValue: try need(expected["code"])))
        let encoded = try JSONEncoder().encode(Problem(code))
        var document = try need(JSONSerialization.jsonObject(with: encoded) as? [String: Any])
        document["detail"] = nil
        #expect(NSDictionary(dictionary: document) == NSDictionary(dictionary: expected.object))
        #expect(code.status == expect.object["status"] as? Int)
        #expect(input["method"] != nil && input["path"]?.hasPrefix("/v1/") == true)
    }
}
