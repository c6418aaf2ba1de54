// SPDX-License-Identifier: Apache-2.0

import Foundation
public import TingCore

/// The schema of Danish-Chinese cooperation planning: `Protocol/schema/planning.json`.
public enum PlanningSchema {
    public static let schema: Schema = {
        do {
            return try JSONDecoder().decode(Schema.self, from: Data(planningSchemaJSON.utf8))
        } catch {
            preconditionFailure("The schema that was built in can't be read: \(error)")
        }
    }()
}
