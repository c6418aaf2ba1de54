// SPDX-License-Identifier: Apache-2.0

/// One thing that is measured: P1 to P9 of the table in Docs/performance.md.
protocol Metric: SendableMetatype {
    static var name: String { get }
    static var about: String { get }
    init()
    func run(_ bench: Bench) async throws -> Result
}

extension Metric {
    /// `all` means P1 to P9: the others are of large workspaces, and take long.
    static var isOfAll: Bool { name.hasPrefix("P") }
}

/// What a run measures with: its options, and the workspaces that metrics share.
final class Bench {
    struct Options {
        /// Records of the standard workspace.
        var records = 10_000
        /// Rows, edits or pushes of one sample.
        var rows = 10_000
        var pairs = 7
        var seed: UInt64 = 1
        /// The folder of `ting` and `tingd`.
        var programs = ""
        var followers = 1_000
        /// A replica file that is there already.
        var file: String?
    }

    let options: Options
    var pairs: Pairs { Pairs(count: options.pairs) }
    private var localWorkspace: LocalWorkspace?
    private var servedWorkspace: ServedWorkspace?

    init(_ options: Options) { self.options = options }

    /// The standard workspace in files of this process alone.
    func local() throws -> LocalWorkspace {
        if let localWorkspace { return localWorkspace }
        let made = try LocalWorkspace(records: options.records, seed: options.seed)
        localWorkspace = made
        return made
    }

    /// The standard workspace on a `tingd` of its own.
    func served() async throws -> ServedWorkspace {
        if let servedWorkspace { return servedWorkspace }
        let made = try await ServedWorkspace(options)
        servedWorkspace = made
        return made
    }

    func end() {
        servedWorkspace?.server.stop()
        Scratch.removeAll()
    }
}
