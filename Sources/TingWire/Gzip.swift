// SPDX-License-Identifier: Apache-2.0

import CZlib
import TingCore

/// Bodies on the wire in gzip (RFC 1952), by the system's zlib.
///
/// What comes is from anyone: it inflates to a bound at most, and to so many times its size at most,
/// whatever it says of itself.
package enum Gzip {
    package enum Failure: Error, Equatable {
        /// It is no gzip, was cut, or holds something after its end.
        case corrupt
        /// It inflates to more than the bound, or to more than `inflationRatio` times its size.
        case tooLarge
    }

    /// The name of the coding in HTTP's headers.
    package static let name = "gzip"

    /// The body in gzip; `nil` where that is not worth it, or would not be taken.
    package static func pack(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count >= Limits.gzipFromBytes else { return nil }
        let level: Int32 = bytes.count <= Limits.gzipThoroughBytes ? 6 : 1
        guard let packed = deflate(bytes, level: level), packed.count < bytes.count,
            bytes.count <= bound(packed.count)
        else { return nil }
        return packed
    }

    /// The body in a gzip of one member.
    /// - Parameter limit: The most bytes that it may have.
    package static func unpack(_ bytes: [UInt8], limit: Int) throws(Failure) -> [UInt8] {
        var stream = z_stream()
        guard
            inflateInit2_(
                &stream, GzipBlocks.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
                == Z_OK
        else { throw .corrupt }
        defer { inflateEnd(&stream) }
        let most = min(limit, bound(bytes.count))
        var whole: [UInt8] = []
        var input = bytes
        let result: Result<[UInt8], Failure> = input.withUnsafeMutableBufferPointer { source in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            var room = min(most + 1, max(4_096, bytes.count * 4))
            while true {
                let had = whole.count
                let (state, chunk) = produce(&stream, room, inflate)
                whole += chunk
                if whole.count > most { return .failure(.tooLarge) }
                if state == Z_STREAM_END {
                    return stream.avail_in == 0 ? .success(whole) : .failure(.corrupt)
                }
                guard state == Z_OK, whole.count > had || stream.avail_in > 0 else {
                    return .failure(.corrupt)
                }
                room = min(most + 1 - whole.count, max(4_096, whole.count))
            }
        }
        return try result.get()
    }

    /// As large as a gzip of so many bytes may inflate.
    private static func bound(_ packed: Int) -> Int { packed * Limits.inflationRatio }

    private static func deflate(_ bytes: [UInt8], level: Int32) -> [UInt8]? {
        var stream = z_stream()
        guard
            deflateInit2_(
                &stream, level, Z_DEFLATED, GzipBlocks.windowBits, 9, Z_DEFAULT_STRATEGY,
                ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        let room = Int(deflateBound(&stream, UInt(bytes.count)))
        var input = bytes
        return input.withUnsafeMutableBufferPointer { source in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            let (state, packed) = produce(&stream, room) { CZlib.deflate($0, Z_FINISH) }
            return state == Z_STREAM_END ? packed : nil
        }
    }

    private static func inflate(_ stream: UnsafeMutablePointer<z_stream>) -> Int32 {
        CZlib.inflate(stream, Z_NO_FLUSH)
    }

    /// Lets zlib write at most so many bytes.
    private static func produce(
        _ stream: inout z_stream, _ room: Int, _ step: (UnsafeMutablePointer<z_stream>) -> Int32
    ) -> (state: Int32, bytes: [UInt8]) {
        var state = Z_OK
        let bytes = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            stream.next_out = buffer.baseAddress
            stream.avail_out = UInt32(buffer.count)
            state = step(&stream)
            count = buffer.count - Int(stream.avail_out)
        }
        return (state, bytes)
    }
}
