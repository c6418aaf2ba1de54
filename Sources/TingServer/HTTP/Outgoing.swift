// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import SwiftProtobuf
import Synchronization
import TingCore
import TingWire

/// Writes to a client no faster than it reads.
struct Outgoing: Sendable {
    let channel: any Channel
    let patience: Duration

    init(_ call: Call) {
        channel = call.channel
        patience = call.patience
    }

    /// Writes one piece and waits until the connection has taken it. A client that takes nothing
    /// for as long as a connection may be idle is cut off.
    func write(_ buffer: ByteBuffer, to writer: inout any ResponseBodyWriter) async throws {
        let stalled = cutOff()
        defer { stalled.cancel() }
        try await writer.write(buffer)
        // Without this turn of the event loop the writer takes any amount at once.
        try await channel.eventLoop.submit {}.get()
    }

    /// Ends a body. On HTTP/2 the end waits for the client's window as a piece does.
    func finish(_ writer: inout any ResponseBodyWriter) async throws {
        let stalled = cutOff()
        defer { stalled.cancel() }
        try await writer.finish(nil)
    }

    private func cutOff() -> Scheduled<Void> {
        channel.eventLoop.scheduleTask(in: TimeAmount(patience)) { [channel] in
            channel.close(promise: nil)
        }
    }

    /// A body in pieces, for what is too large to be handed over whole.
    func inPieces(_ whole: ByteBuffer) -> ResponseBody {
        ResponseBody(contentLength: whole.readableBytes) { writer in
            var rest = whole
            while let piece = rest.readSlice(
                length: min(rest.readableBytes, Limits.responseChunkBytes)), piece.readableBytes > 0
            {
                try await write(piece, to: &writer)
            }
            try await finish(&writer)
        }
    }
}
