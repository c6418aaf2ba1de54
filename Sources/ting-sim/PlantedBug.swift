// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore

/// A fault built in on purpose, to prove that the simulator would see it. The products can't set it:
/// it acts on messages and files from outside.
enum PlantedBug: String, CaseIterable {
    case syncIgnored

    func change(_ request: inout SyncRequest, _ random: inout some RandomNumberGenerator) {}
    func change(_ response: inout SyncResponse, _ random: inout some RandomNumberGenerator) {}
    func afterAccepting(_ workspace: Workspace, _ random: inout some RandomNumberGenerator) throws {
    }
    func afterIntegrating(_ node: Node, _ random: inout some RandomNumberGenerator) throws {}
}
