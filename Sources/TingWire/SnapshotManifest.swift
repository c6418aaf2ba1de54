// SPDX-License-Identifier: Apache-2.0

package import TingCore

/// What a snapshot holds, and the hashes that prove it, as a server tells it.
package struct SnapshotManifest: Equatable, Sendable {
    package let version: Version
    package let bytes: Int64
    package let hash: Hash
    package let blockBytes: Int64
    package let blockHashes: [Hash]
    /// Bytes of the gzip member that each block is in the compressed form; empty where there is none.
    package let gzipBlockBytes: [Int64]

    /// Larger than any file of SQLite, and far from where sums overflow.
    private static let largest: Int64 = 1 << 50

    /// - Throws: `WireError` where it does not add up: nothing that it says can then trap who follows it.
    package init(wire message: Ting_V1_SnapshotManifest) throws(WireError) {
        guard let hash = Hash(message.hash) else { throw WireError("hash", "no hash") }
        let hashes = message.blockHashes.compactMap { Hash($0) }
        let sizes = message.gzipBlockBytes
        guard hashes.count == message.blockHashes.count,
            (1...Self.largest).contains(message.bytes),
            (1...Self.largest).contains(message.blockBytes),
            Int64(hashes.count) == (message.bytes + message.blockBytes - 1) / message.blockBytes
        else { throw WireError("block_hashes", "they don't make a file of that size") }
        guard sizes.isEmpty || sizes.count == hashes.count,
            sizes.allSatisfy({ $0 > 0 && $0 / 2 <= message.blockBytes + 512 })
        else { throw WireError("gzip_block_bytes", "no sizes of these blocks in gzip") }
        version = message.version
        bytes = message.bytes
        self.hash = hash
        blockBytes = message.blockBytes
        blockHashes = hashes
        gzipBlockBytes = sizes
    }

    package var isCompressed: Bool { !gzipBlockBytes.isEmpty }

    /// Where the block that begins at a byte of the file begins in the compressed form.
    package func gzipOffset(of byte: Int64) -> Int64 {
        gzipBlockBytes.prefix(Int(byte / blockBytes)).reduce(0, +)
    }
}
