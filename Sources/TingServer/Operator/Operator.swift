// SPDX-License-Identifier: Apache-2.0

package import Foundation
package import TingCore
import TingStore

/// What the person who runs the server does, beside the running server or without one.
package struct Operator {
    package let folder: DataFolder
    package let accounts: Accounts
    let schema: Schema
    let now: @Sendable () -> Int64

    package init(
        _ folder: DataFolder, schema: Schema,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1_000) }
    ) throws {
        self.folder = folder
        self.schema = schema
        self.now = now
        accounts = try Accounts(path: folder.database, now: now)
    }

    /// Makes the data folder, with accounts, CA and certificate.
    package static func create(
        _ path: String, names: [String], configuration: ServerSettings, now: Date = Date()
    ) throws {
        let wasThere = FileManager.default.fileExists(atPath: path)
        let isLeft = DataFolder(unchecked: path).isLeftByInit
        let folder = isLeft ? DataFolder(unchecked: path) : try DataFolder(creating: path)
        guard let mark = try ProcessLock.ifFree(folder.beginning) else {
            throw ServerError(
                "Another command fills \(path).", hint: "Wait until it has ended; then look again.")
        }
        defer { withExtendedLifetime(mark) {} }
        guard !folder.hasAccounts else {
            unlink(folder.beginning)
            throw ServerError(
                "The folder \(path) is not empty.",
                hint: "It holds a server already: start it with `tingd serve --data \(path)`.")
        }
        do {
            // What a killed run has left goes first.
            if isLeft { try folder.makeAnew() }
            let owner = FolderOwner(of: path)
            try fill(folder, names: names, configuration: configuration, now: now)
            try owner?.give(folder.path)
        } catch {
            // The next try, with other names or certificates, finds the folder as this one did.
            folder.empty(andRemove: !wasThere)
            throw error
        }
        unlink(folder.beginning)
    }

    private static func fill(
        _ folder: DataFolder, names: [String], configuration: ServerSettings, now: Date
    ) throws {
        let files = TLSFiles(folder, configuration)
        try files.create(names: names, now: now)
        _ = try ServerCertificate(files, now: now)
        _ = try BundleKeyFile.load(folder)
        try configuration.write(folder)
        // Last: a folder with this file is complete.
        try Accounts(path: folder.database, now: { Int64(now.timeIntervalSince1970 * 1_000) })
            .close()
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: folder.database)
    }

    /// Invites someone, and makes the workspace if it is new.
    ///
    /// - Returns: the join address, and whether a workspace was made.
    package func invite(
        _ invitation: Invitation, to slug: String?, mayCreate: Bool, url: String?
    ) throws -> (address: JoinAddress, expires: Int64, isNewWorkspace: Bool) {
        if let problem = invitation.problem {
            throw ServerError(problem, hint: "See `tingd invite --help`.")
        }
        var invitation = invitation
        var isNew = false
        if let slug {
            (invitation.workspace, isNew) = try workspace(slug, mayCreate: mayCreate)
            if invitation.role == nil, let id = invitation.workspace,
                try isNew || !accounts.hasMembers(id)
            {
                invitation.role = .owner
            }
        }
        let code = try accounts.invite(invitation, by: nil)
        return (try joinAddress(code.code, url: url), code.expires, isNew)
    }

    /// Whether members on other machines are to reach the server, by a name that nobody has said.
    package var lacksPublicName: Bool {
        get throws {
            let settings = try ServerSettings.read(folder)
            let address = settings.publicAddress(names: TLSFiles(folder, settings).names ?? [])
            return settings.listensEverywhere && address.host == "localhost"
        }
    }

    private func joinAddress(_ code: String, url: String?) throws -> JoinAddress {
        var configuration = try ServerSettings.read(folder)
        configuration.url = url ?? configuration.url
        let files = TLSFiles(folder, configuration)
        return JoinAddress(
            server: configuration.publicAddress(names: files.names ?? []), code: code,
            pin: try files.pin)
    }

    private func workspace(
        _ slug: String, mayCreate: Bool
    ) throws -> (id: WorkspaceID, isNew: Bool) {
        guard Slug.isValid(slug) else {
            throw ServerError(
                "“\(slug)” can't name a workspace.",
                hint: "Use 1-63 lower-case letters, digits and hyphens, with no hyphen at an end.")
        }
        if let id = try accounts.workspace(slug: slug) { return (id, false) }
        guard mayCreate else {
            throw ServerError(
                "There is no workspace \(slug).",
                hint: "Check the name with `tingd status`, or leave out --existing to make it.")
        }
        return try create(slug)
    }

    private func create(_ slug: String) throws -> (id: WorkspaceID, isNew: Bool) {
        var generator = SystemRandomNumberGenerator()
        let id = WorkspaceID.random(using: &generator)
        let path = folder.workspace(id)
        var isOurs = false
        defer {
            // A full disk, or another command that made it at the same time: theirs stands.
            if !isOurs {
                for suffix in ["", "-wal", "-shm"] {
                    try? FileManager.default.removeItem(atPath: path + suffix)
                }
            }
        }
        let file = try Workspace.create(
            path: path, slug: slug, schema: schema, epoch: .random(using: &generator),
            receiptKey: Secret.randomBytes(32))
        try file.close()
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        isOurs = try accounts.add(workspace: id, slug: slug)
        if isOurs { return (id, true) }
        guard let theirs = try accounts.workspace(slug: slug) else {
            throw ServerError("The workspace \(slug) could not be made.", hint: "Try again.")
        }
        return (theirs, false)
    }

    /// Changes the role of the member with an address, or removes them (`nil`).
    package func setRole(_ role: Role?, email: String, in slug: String) throws {
        let workspace = try find(slug)
        guard let member = try accounts.member(email: email),
            try accounts.setRole(role, of: member, in: workspace, by: nil) == .done
        else {
            throw ServerError(
                "\(email) is not a member of \(slug).",
                hint: "See `tingd members`; invite them with `tingd invite`.")
        }
    }

    /// Adds names to the server's own certificate, which its CA signs anew.
    ///
    /// - Returns: the names that it has now.
    package func certify(adding names: [String]) throws -> [String] {
        let files = TLSFiles(folder, try ServerSettings.read(folder))
        guard files.isOwn else {
            throw ServerError(
                "The certificate is one of your own, not the server's.",
                hint: "Put the new one in its place, and send SIGHUP.")
        }
        let present = files.names ?? []
        let added = names.filter { !present.contains($0) }
        guard !added.isEmpty else { return present }
        try files.issue(
            names: present + added, now: Date(timeIntervalSince1970: Double(now()) / 1_000))
        try accounts.note("certificate.issued")
        return files.names ?? present + added
    }

    /// Revokes the device whose id ends so.
    package func revoke(deviceEnding end: String) throws {
        let found = try accounts.deviceRows().filter {
            $0.revoked == nil && $0.device.id.description.hasSuffix(end.lowercased())
        }
        guard !end.isEmpty, let row = found.first, found.count == 1,
            try accounts.revoke(row.device.id)
        else {
            throw ServerError(
                found.count > 1
                    ? "\(found.count) devices have ids that end in \(end)."
                    : "There is no device that is not revoked and whose id ends in \(end).",
                hint: "List them with `tingd devices`.")
        }
    }

    package func hasOwner(_ slug: String) throws -> Bool {
        try accounts.memberRows().contains { $0.workspace == slug && $0.member.role == .owner }
    }

    /// Bounds the bytes that a workspace may take; `nil` takes the bound away.
    package func setQuota(_ quota: Int64?, of slug: String) throws {
        _ = try accounts.setQuota(quota, of: find(slug))
    }

    /// The workspace of this name.
    /// - Throws: `ServerError` where there is none.
    @discardableResult
    package func find(_ slug: String) throws -> WorkspaceID {
        guard let id = try accounts.workspace(slug: slug) else {
            throw ServerError("There is no workspace \(slug).", hint: "See `tingd status`.")
        }
        return id
    }

    /// The workspace that a command is about, where it need not be named.
    package func onlyWorkspace() throws -> String {
        let all = try accounts.workspaces()
        guard let first = all.first else {
            throw ServerError(
                "There is no workspace yet.",
                hint: "`tingd invite` makes one with its first owner: see `tingd invite --help`.")
        }
        guard all.count == 1 else {
            throw ServerError(
                "There are \(all.count) workspaces.", hint: "Name one with --workspace.")
        }
        return first.slug
    }

    /// - Throws: `UnreadableFile`, among others.
    func open(_ id: WorkspaceID, _ slug: String) throws -> Workspace {
        let path = folder.workspace(id)
        return try UnreadableFile.naming(.workspace, of: slug, at: path) {
            try Workspace(path: path, schema: schema)
        }
    }
}
