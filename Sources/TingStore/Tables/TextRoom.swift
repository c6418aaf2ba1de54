// SPDX-License-Identifier: Apache-2.0

import TingCore

/// Where the texts of one row lie while a statement runs.
final class TextRoom {
    private var room = UnsafeMutableBufferPointer<CChar>.allocate(capacity: 4_096)
    private var used = 0

    deinit { room.deallocate() }

    /// Makes room for the texts of a row; those of the row before are gone.
    func clear(for row: [Value]) {
        var count = 0
        for case .text(let text) in row { count += text.utf8.count }
        used = 0
        guard count > room.count else { return }
        room.deallocate()
        room = .allocate(capacity: count * 2)
    }

    /// Where the text lies; `nil` for an empty one, or where there is no room.
    func add(_ text: String) -> (start: UnsafePointer<CChar>, count: Int32)? {
        var text = text
        return text.withUTF8 { bytes in
            guard let from = bytes.baseAddress, !bytes.isEmpty, bytes.count <= room.count - used,
                let start = room.baseAddress?.advanced(by: used)
            else { return nil }
            UnsafeMutableRawPointer(start).copyMemory(from: from, byteCount: bytes.count)
            used += bytes.count
            return (UnsafePointer(start), Int32(bytes.count))
        }
    }
}
