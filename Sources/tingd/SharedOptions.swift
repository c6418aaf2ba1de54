// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingPlanning
import TingServer

/// `--data DIR`, which every command takes.
struct DataOption: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The server's data folder.", valueName: "dir"))
    var data: String

    var folder: DataFolder {
        get throws { try DataFolder(existing: data) }
    }

    /// - Parameter makesFiles: Whether the command makes files there, which must be the server's.
    func withOperator<T>(makesFiles: Bool = false, _ body: (Operator) throws -> T) throws -> T {
        if makesFiles { try FolderOwner(of: data)?.become() }
        let use = try FolderUse(folder)
        defer { withExtendedLifetime(use) {} }
        let person = try Operator(try folder, schema: PlanningSchema.schema)
        defer { try? person.accounts.close() }
        return try body(person)
    }
}

/// `--workspace SLUG`, of commands that are about one.
struct WorkspaceOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("The workspace; needless where there is only one.", valueName: "slug"))
    var workspace: String?

    /// The workspace that is named, or the only one.
    /// - Throws: `ServerError` where none is named and there are several, or none.
    func slug(of person: Operator) throws -> String { try workspace ?? person.onlyWorkspace() }
}

/// `--tls-cert` and `--tls-key`, which go together.
struct TLSOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("A certificate chain of your own (PEM).", valueName: "file"))
    var tlsCert: String?

    @Option(name: .long, help: ArgumentHelp("The key that belongs to it (PEM).", valueName: "file"))
    var tlsKey: String?

    func validate() throws {
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key go together.")
        }
    }

    /// Enters the files, by paths that hold from any folder.
    func apply(to configuration: inout ServerSettings) {
        guard let tlsCert, let tlsKey else { return }
        configuration.tlsCertificate = DataFolder.absolute(tlsCert)
        configuration.tlsKey = DataFolder.absolute(tlsKey)
    }
}

/// Refuses an address that members could not use.
func checkURL(_ url: String?) throws {
    guard let url, HostPort(url: url) == nil else { return }
    throw ValidationError("--url reads like https://ting.example.org:8443, not \(url).")
}
