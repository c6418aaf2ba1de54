// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingStore
import TingTesting

@testable import TingClient

@Suite("The folders of a person on a device")
struct HomeTests {
    /// Does something in a folder of its own, which goes afterwards.
    private func within(_ body: (_ folder: String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
            .appending(path: "ting-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test(
        "a token is shown to none but the server whose CA was pinned, also where its file can't be read"
    )
    func present() throws {
        try within { folder in
            let home = ClientHome(configurationFolder: folder, dataFolder: folder)
            let server = ServerAddress(host: "a.example", port: 8443)
            try home.remember(
                JoinedDevice(
                    server: server, authority: "PEM", key: "key", token: "token", device: "d",
                    member: "m", name: "Li", email: "li@example.org", workspaces: []))
            #expect(home.present(at: server, "PEM")?.token == "token")
            #expect(home.present(at: server, "another") == nil)
            #expect(home.present(at: server, nil) == nil)
            let known = try #require(try home.configuration().server(server.url))
            let file = try #require(known.authorityFile)
            try FileManager.default.removeItem(atPath: folder + "/" + file)
            #expect(home.present(at: server, nil) == nil)
            #expect(home.present(at: server, "PEM") == nil)
        }
    }

    @Test("a token that is gone or empty is named: the device has joined all the same")
    func noToken() throws {
        try within { folder in
            let home = ClientHome(configurationFolder: folder, dataFolder: folder)
            let server = ServerAddress(host: "a.example", port: 8443)
            try home.remember(
                JoinedDevice(
                    server: server, authority: nil, key: "key", token: "token", device: "d",
                    member: "m", name: "Li", email: "li@example.org", workspaces: []))
            let known = try #require(try home.configuration().server(server.url))
            let token = folder + "/" + known.tokenFile
            let replica = Replica.Identity(
                workspace: "team", server: server.url, replica: ReplicaID(high: 3, low: 4),
                member: nil, base: Base(epoch: Epoch(high: 1, low: 2), version: 0))
            #expect(try home.signIn(server.url).token == "token")
            #expect(try home.isSignedIn(for: replica))
            try Data("\n".utf8).write(to: URL(filePath: token))
            let empty = #expect(throws: ClientError.self) { try home.signIn(server.url) }
            #expect(try !home.isSignedIn(for: replica))
            try FileManager.default.removeItem(atPath: token)
            let gone = #expect(throws: ClientError.self) { try home.signIn(server.url) }
            #expect(try !home.isSignedIn(for: replica))
            for error in [empty, gone] {
                #expect(error?.code == "not_signed_in" && error?.sentence.contains(token) == true)
            }
            // Another server was not joined.
            let error = #expect(throws: ClientError.self) { try home.signIn("https://b.example") }
            #expect(error?.code == "not_signed_in")
        }
    }

    @Test("behind a link `..` is the folder above the one that the link leads to")
    func aboveLink() throws {
        try within { folder in
            try FileManager.default.createDirectory(
                atPath: folder + "/real/inner", withIntermediateDirectories: true)
            for (link, target) in [("link", "real/inner"), ("broken", "nowhere")] {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(folder)/\(link)", withDestinationPath: target)
            }
            for (path, absolute) in [
                ("/link/../x", "/real/x"), ("/link/y/../../x", "/real/x"), ("/link/./x", "/link/x"),
                ("/real/inner/../x", "/real/x"), ("/none/../x", "/x"), ("/broken/../x", "/x"),
                ("//x/", "/x"),
            ] {
                #expect(ClientHome.absolute(folder + path) == folder + absolute)
            }
            #expect(ClientHome.absolute("/../x/..") == "/")
        }
    }

    @Test("a configuration that is a link stays one, and what it leads to is written")
    func linkedConfiguration() throws {
        try within { folder in
            let home = ClientHome(configurationFolder: folder, dataFolder: folder)
            let file = folder + "/config.json"
            let kept = folder + "/kept.json"
            try home.update { $0.replicas = [] }
            try FileManager.default.moveItem(atPath: file, toPath: kept)
            try FileManager.default.createSymbolicLink(
                atPath: file, withDestinationPath: "kept.json")
            let replica = ClientConfiguration.KnownReplica(
                workspace: "team", server: "https://a.example", file: "team.sqlite")
            try home.update { $0.replicas.append(replica) }
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: file) == "kept.json")
            #expect(try home.configuration().replicas == [replica])
            let mode = try FileManager.default.attributesOfItem(atPath: kept)[.posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }

    @Test("a bundle replaces no replica, and any other file", .tags(.promise4))
    func bundleTarget() throws {
        let team = try Team(1)
        defer { withExtendedLifetime(team) {} }
        let replica = team.replicas[0].path
        let error = #expect(throws: ClientError.self) { try BundleTarget.check(replica) }
        #expect(error?.code == "file_exists")
        #expect(error?.sentence.contains(replica) == true)
        try within { folder in
            try Data("SQLite format".utf8).write(to: URL(filePath: folder + "/short"))
            #expect(mkfifo(folder + "/pipe", 0o600) == 0)
            for path in [folder + "/none", folder + "/short", folder + "/pipe", folder] {
                try BundleTarget.check(path)
            }
        }
    }
}
