// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import TingCore

/// Lets few requests of one HTTP/2 connection be answered at a time, so that a client that opens
/// many streams and reads none can't make the server hold a page for each.
///
/// Who holds a large answer ends its turn with the stream: such an answer may be handed over at once,
/// and lies in the stream's buffer until the client's window takes it.
final class StreamGate: Sendable {
    /// The turn of one stream, from when it begins to wait for it; over at the latest when the stream is closed.
    final class Turn: Sendable {
        fileprivate let isOver = Atomic(false)
        fileprivate let connection: ObjectIdentifier
        private let gate: StreamGate

        fileprivate init(_ gate: StreamGate, _ connection: ObjectIdentifier) {
            self.gate = gate
            self.connection = connection
        }

        func end() { gate.end(self) }
    }

    private struct Connection {
        var answering = 0
        var waiting: [(turn: Turn, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let connections = Mutex<[ObjectIdentifier: Connection]>([:])

    /// Waits for a turn, or until the stream is closed: who resets streams that wait leaves nothing behind.
    /// - Parameter patience: How long a stream may wait; then it is closed.
    /// - Returns: `nil` for what is no stream.
    func enter(_ channel: any Channel, patience: TimeAmount) async -> Turn? {
        guard channel.isStream, let connection = channel.parent else { return nil }
        let turn = Turn(self, ObjectIdentifier(connection))
        channel.closeFuture.whenComplete { _ in turn.end() }
        let late = channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
        defer { late.cancel() }
        await withCheckedContinuation { continuation in
            let goesOn = connections.withLock { connections in
                if turn.isOver.load(ordering: .relaxed) { return true }
                var connection = connections[turn.connection, default: Connection()]
                let isFree = connection.answering < Limits.streamsAnsweredAtOnce
                if isFree {
                    connection.answering += 1
                } else {
                    connection.waiting.append((turn, continuation))
                }
                connections[turn.connection] = connection
                return isFree
            }
            if goesOn { continuation.resume() }
        }
        return turn
    }

    private func end(_ turn: Turn) {
        let next: CheckedContinuation<Void, Never>? = connections.withLock { connections in
            guard !turn.isOver.exchange(true, ordering: .relaxed),
                var connection = connections[turn.connection]
            else { return nil }
            defer {
                let isEmpty = connection.answering == 0 && connection.waiting.isEmpty
                connections[turn.connection] = isEmpty ? nil : connection
            }
            if let place = connection.waiting.firstIndex(where: { $0.turn === turn }) {
                return connection.waiting.remove(at: place).continuation
            }
            // The turn is handed on.
            if !connection.waiting.isEmpty { return connection.waiting.removeFirst().continuation }
            connection.answering -= 1
            return nil
        }
        next?.resume()
    }
}
