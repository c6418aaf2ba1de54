// SPDX-License-Identifier: Apache-2.0

public import TingCore

/// The schema of Danish-Chinese cooperation planning: `Protocol/schema/planning.json`.
public enum PlanningSchema {
    public static let schema = Schema.planning()
}
