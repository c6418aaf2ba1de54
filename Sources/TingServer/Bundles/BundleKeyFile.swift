// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import TingCore
import TingStore
package import TingWire

/// The key that members seal bundles to, and that proves replies: a file beside the CA, copied by a
/// backup, so that a restored server opens what was on its way.
package enum BundleKeyFile {
    /// Reads the key, and makes it where there is none yet.
    package static func load(_ folder: DataFolder) throws -> SealedBundle.PrivateKey {
        let path = "\(folder.tls)/bundle.key"
        if let key = try read(path) { return key }
        let key = SealedBundle.PrivateKey()
        let draft = "\(path).\(getpid())"
        try WholeFile.write(
            Data((Hexadecimal.encode(Array(key.rawRepresentation)) + "\n").utf8), to: draft)
        defer { unlink(draft) }
        // A link, not a rename: of two processes that make it at once, the first one's stays.
        if link(draft, path) == 0 { return key }
        guard let theirs = try read(path) else { throw DataFolder.denied(folder.path) }
        return theirs
    }

    /// Whether two folders have the same key.
    static func isOne(of folder: DataFolder, _ other: DataFolder) -> Bool {
        let keys = [folder, other].map { try? read("\($0.tls)/bundle.key")?.rawRepresentation }
        return keys[0] != nil && keys[0] == keys[1]
    }

    private static func read(_ path: String) throws -> SealedBundle.PrivateKey? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let text = String(decoding: data, as: UTF8.self).filter { !$0.isWhitespace }
        guard let bytes = Hash(text)?.bytes,
            let key = try? SealedBundle.PrivateKey(rawRepresentation: bytes)
        else {
            throw ServerError(
                "\(path) holds no key.",
                hint:
                    "Put it back from a backup. Without one, take it away: the server makes a new key, and who sends bundles joins again, with a new invitation."
            )
        }
        return key
    }
}
