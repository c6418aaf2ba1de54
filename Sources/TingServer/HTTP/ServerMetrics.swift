// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TingCore

/// What the server counts, for `/metrics`. Nothing in it names a workspace or a person.
package final class ServerMetrics: Sendable {
    private struct Request: Hashable {
        let route: String
        let status: Int
    }

    private struct Counts {
        var requests: [Request: Int] = [:]
        var seconds: [String: Double] = [:]
        var verdicts: [String: Int] = [:]
        var syncs = 0
        var commits = 0
        var clashes = 0
    }

    private let counts = Mutex(Counts())

    package init() {}

    func count(route: String, status: Int, duration: Duration) {
        counts.withLock { counts in
            counts.requests[Request(route: route, status: status), default: 0] += 1
            counts.seconds[route, default: 0] += duration.inSeconds
        }
    }

    func countCommit() { counts.withLock { $0.commits += 1 } }

    func countSync(_ response: SyncResponse) {
        counts.withLock { counts in
            counts.syncs += 1
            if response.clash != nil { counts.clashes += 1 }
            for verdict in response.verdicts {
                counts.verdicts[verdict.verdict.name, default: 0] += 1
            }
        }
    }

    /// The counts in the text format of Prometheus, and what `gauges` says of now.
    func text(gauges: [(name: String, help: String, value: Double)]) -> String {
        let counts = counts.withLock { $0 }
        var text = ""
        func family(_ name: String, _ type: String, _ help: String, _ lines: [String]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for line in lines { text += "\(name)\(line)\n" }
        }
        family(
            "ting_http_requests_total", "counter", "Requests answered.",
            counts.requests.map { #"{route="\#($0.route)",status="\#($0.status)"} \#($1)"# }
                .sorted())
        family(
            "ting_http_request_seconds_total", "counter", "Seconds spent on requests.",
            counts.seconds.map { #"{route="\#($0)"} \#($1)"# }.sorted())
        family("ting_syncs_total", "counter", "Syncs answered.", [" \(counts.syncs)"])
        family(
            "ting_commits_total", "counter", "Transactions of workspaces.", [" \(counts.commits)"])
        family("ting_clashes_total", "counter", "Copied replicas noticed.", [" \(counts.clashes)"])
        family(
            "ting_verdicts_total", "counter", "Change sets judged.",
            ["applied", "merged", "rejected", "deferred"].map {
                #"{verdict="\#($0)"} \#(counts.verdicts[$0] ?? 0)"#
            })
        for gauge in gauges { family(gauge.name, "gauge", gauge.help, [" \(gauge.value)"]) }
        return text
    }
}

extension Duration {
    fileprivate var inSeconds: Double { self / .seconds(1) }
}

extension Verdict {
    /// The word for it, as it stands on the wire.
    fileprivate var name: String {
        switch self {
        case .applied: "applied"
        case .merged: "merged"
        case .rejected: "rejected"
        case .deferred: "deferred"
        }
    }
}
