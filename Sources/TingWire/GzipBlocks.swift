// SPDX-License-Identifier: Apache-2.0

import CZlib

/// A file in gzip, each block as a member of its own (RFC 1952 § 2.2): a reader may begin at any.
package enum GzipBlocks {
    package static let mediaType = "application/gzip"

    package enum Failure: Error { case corrupt, outOfMemory }

    /// Window bits for the gzip form instead of zlib's own.
    static let windowBits: Int32 = 15 + 16

    /// One block as a member.
    /// - Parameter isThorough: Whether it is to be small rather than soon done.
    package static func member(
        of block: some Sequence<UInt8>, isThorough: Bool
    ) throws(Failure) -> [UInt8] {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        let size = Int32(MemoryLayout<z_stream>.size)
        guard
            deflateInit2_(
                stream, isThorough ? 6 : 1, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY,
                ZLIB_VERSION, size) == Z_OK
        else { throw .outOfMemory }
        defer { deflateEnd(stream) }
        var input = Array(block)
        let room = Int(deflateBound(stream, UInt(input.count)))
        return input.withUnsafeMutableBufferPointer { source in
            stream.pointee.next_in = source.baseAddress
            stream.pointee.avail_in = UInt32(source.count)
            return [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(buffer.count)
                // With room for the bound it ends in one call.
                _ = deflate(stream, Z_FINISH)
                count = buffer.count - Int(stream.pointee.avail_out)
            }
        }
    }

    /// Inflates members, one after the other, as their bytes come.
    package final class Reader {
        // On the heap: zlib refuses a stream that moved.
        private let stream: UnsafeMutablePointer<z_stream>
        private var piece = [UInt8](repeating: 0, count: 64 << 10)

        package init() throws(Failure) {
            stream = .allocate(capacity: 1)
            stream.initialize(to: z_stream())
            let size = Int32(MemoryLayout<z_stream>.size)
            guard inflateInit2_(stream, GzipBlocks.windowBits, ZLIB_VERSION, size) == Z_OK else {
                stream.deallocate()
                throw .outOfMemory
            }
        }

        deinit {
            inflateEnd(stream)
            stream.deallocate()
        }

        /// Gives `take` what the bytes inflate to, in pieces of at most 64 KiB: the taker sets the bound.
        package func read(_ bytes: [UInt8], _ take: (ArraySlice<UInt8>) throws -> Void) throws {
            var input = bytes
            try input.withUnsafeMutableBufferPointer { source in
                stream.pointee.next_in = source.baseAddress
                stream.pointee.avail_in = UInt32(source.count)
                var isFull = false
                while stream.pointee.avail_in > 0 || isFull {
                    let state = piece.withUnsafeMutableBufferPointer { buffer in
                        stream.pointee.next_out = buffer.baseAddress
                        stream.pointee.avail_out = UInt32(buffer.count)
                        return inflate(stream, Z_NO_FLUSH)
                    }
                    let room = Int(stream.pointee.avail_out)
                    isFull = room == 0
                    if room < piece.count { try take(piece[..<(piece.count - room)]) }
                    switch state {
                    case Z_OK: break
                    case Z_BUF_ERROR where stream.pointee.avail_in == 0: break
                    case Z_STREAM_END: inflateReset(stream)
                    default: throw Failure.corrupt
                    }
                }
            }
        }
    }
}
