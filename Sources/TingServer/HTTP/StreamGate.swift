// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import TingCore

/// Lets few requests of one HTTP/2 connection be answered at a time, so that a client that opens
/// many streams and reads none can't make the server hold a page for each.
///
/// A turn lasts until its stream is closed: an answer of one piece is handed over at once, and lies in
/// the stream's buffer until the client's window takes it.
final class StreamGate: Sendable {
    private struct Connection {
        var answering = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let connections = Mutex<[ObjectIdentifier: Connection]>([:])

    /// Waits for a turn.
    func enter(_ channel: any Channel) async {
        guard let key = Self.key(channel) else { return }
        await withCheckedContinuation { continuation in
            let isFree = connections.withLock { connections in
                guard
                    connections[key, default: Connection()].answering
                        >= Limits.streamsAnsweredAtOnce
                else {
                    connections[key, default: Connection()].answering += 1
                    return true
                }
                connections[key, default: Connection()].waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
        channel.closeFuture.whenComplete { _ in self.leave(key) }
    }

    private func leave(_ key: ObjectIdentifier) {
        let next: CheckedContinuation<Void, Never>? = connections.withLock { connections in
            guard var connection = connections[key] else { return nil }
            if !connection.waiting.isEmpty {
                let next = connection.waiting.removeFirst()
                connections[key] = connection
                return next
            }
            connection.answering -= 1
            connections[key] = connection.answering > 0 ? connection : nil
            return nil
        }
        next?.resume()
    }

    private static func key(_ channel: any Channel) -> ObjectIdentifier? {
        guard channel.isStream, let connection = channel.parent else { return nil }
        return ObjectIdentifier(connection)
    }
}
