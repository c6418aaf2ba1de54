// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingStore

/// The folders of this person on this device: `TING_HOME`, or the XDG folders.
///
/// Paths inside the data folder are stored relative, so that `TING_HOME` can be moved or copied.
public struct ClientHome: Sendable {
    /// Where `config.json` lies, with keys and tokens.
    public let configurationFolder: String
    /// Where replicas lie.
    public let dataFolder: String

    public init(environment: [String: String]) throws {
        try self.init { environment[$0] }
    }

    /// - Parameter variable: One variable of the environment.
    public init(variable: (String) -> String?) throws {
        func folder(_ name: String) -> String? {
            variable(name).flatMap { $0.isEmpty ? nil : $0 }
        }
        if let home = folder("TING_HOME") {
            self.init(configurationFolder: Self.absolute(home), dataFolder: Self.absolute(home))
            return
        }
        let user = folder("HOME") ?? Self.accountHome
        guard let configuration = folder("XDG_CONFIG_HOME") ?? user.map({ $0 + "/.config" }),
            let data = folder("XDG_DATA_HOME") ?? user.map({ $0 + "/.local/share" })
        else { throw HomeError.notFound }
        self.init(configurationFolder: configuration + "/ting", dataFolder: data + "/ting")
    }

    public init(configurationFolder: String, dataFolder: String) {
        self.configurationFolder = configurationFolder
        self.dataFolder = dataFolder
    }

    /// The home folder that the account database names, for a process without `HOME`.
    private static var accountHome: String? {
        guard let entry = getpwuid(getuid()), let folder = entry.pointee.pw_dir else { return nil }
        let path = String(cString: folder)
        return path.isEmpty || path == "/nonexistent" ? nil : path
    }

    /// An absolute form of `path`, without `.` and `..`; `path` where it is relative to a folder that is gone.
    ///
    /// Behind a link `..` is the folder above the one that the link leads to, as the system has it.
    public static func absolute(_ path: String) -> String {
        let here = FileManager.default.currentDirectoryPath
        guard path.hasPrefix("/") || !here.isEmpty else { return path }
        let full = path.hasPrefix("/") ? path : here + "/" + path
        var parts: [String] = []
        for part in full.split(separator: "/") where part != "." {
            if part == ".." {
                if let folder = linked(joined(parts)) { parts = folder }
                _ = parts.popLast()
            } else {
                parts.append(String(part))
            }
        }
        return joined(parts)
    }

    private static func joined(_ parts: [String]) -> String {
        parts.isEmpty ? "/" : parts.reduce(into: "") { $0 += "/" + $1 }
    }

    /// The parts of the path to which a link leads; `nil` for what is no link, or one that leads nowhere.
    private static func linked(_ path: String) -> [String]? {
        var kind = stat()
        guard lstat(path, &kind) == 0, kind.st_mode & S_IFMT == S_IFLNK,
            let place = realpath(path, nil)
        else { return nil }
        defer { free(place) }
        return String(cString: place).split(separator: "/").map(String.init)
    }

    private var configurationFile: String { configurationFolder + "/config.json" }

    /// What is known now; nothing yet on a new device, where there is no file.
    /// - Throws: `HomeError` for a file that can't be read, or is not what Ting wrote.
    public func configuration() throws -> ClientConfiguration {
        guard let data = FileManager.default.contents(atPath: configurationFile) else {
            let code = PrivateFile.failure(reading: configurationFile)
            // Whatever else it is, the edits and the sign-in are still there.
            guard code == ENOENT else { throw HomeError.notRead(configurationFile, code) }
            return ClientConfiguration()
        }
        if let plain = PlainJSON(Array(data)).flatMap({ ClientConfiguration($0) }) { return plain }
        do {
            return try JSONDecoder().decode(ClientConfiguration.self, from: data)
        } catch {
            throw HomeError.damaged(configurationFile)
        }
    }

    /// Changes what is known, one process at a time: it waits for another that does so.
    /// - Throws: `HomeError`, and what `change` throws; nothing is changed then.
    public func update<T>(_ change: (inout ClientConfiguration) throws -> T) throws -> T {
        let lock = try FileLock(path: configurationFolder + "/lock")
        return try withExtendedLifetime(lock) {
            var configuration = try configuration()
            let result = try change(&configuration)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let text = String(decoding: try encoder.encode(configuration), as: UTF8.self)
            try write(text + "\n")
            return result
        }
    }

    /// Where the file is a link, as to one that is kept with other settings, it stays one.
    private func write(_ configuration: String) throws {
        do { try NamedFile.write(Data(configuration.utf8), to: configurationFile) } catch {
            throw HomeError.notWritten(configurationFile, error.code)
        }
    }

    /// The file of a replica, from its stored form.
    public func path(of replica: ClientConfiguration.KnownReplica) -> String {
        replica.file.hasPrefix("/") ? replica.file : dataFolder + "/" + replica.file
    }

    /// The stored form of a path: relative where it lies inside the data folder.
    public func storedPath(_ path: String) -> String {
        path.hasPrefix(dataFolder + "/") ? String(path.dropFirst(dataFolder.count + 1)) : path
    }

    /// Where a new replica of a workspace goes.
    public func defaultPath(workspace: String, server: ServerAddress) -> String {
        "\(dataFolder)/replicas/\(server.fileName)/\(workspace).sqlite"
    }

    /// A file of the configuration, by its stored path.
    func readConfigurationFile(_ relative: String) -> String? {
        PrivateFile.read(configurationFolder + "/" + relative)
    }

    func writeConfigurationFile(_ text: String, to relative: String) throws {
        try PrivateFile.write(text, to: configurationFolder + "/" + relative)
    }
}
