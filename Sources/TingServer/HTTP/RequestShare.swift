// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Synchronization
import TingCore
import TingWire

/// Bounds the bytes of bodies that are read or judged at a time, and of answers that wait for who reads them,
/// of each device and of all: a few large ones at once must not take all memory.
///
/// The first `Limits.smallRequestByteLimit` and `BodyParts.freeMessages` of each body are free, and small answers,
/// so that what is large keeps out what is large, and nothing else.
struct BytesUnderWay: Sendable {
    let bodies: DeviceTally
    let answers: DeviceTally

    init(_ bounds: ServerBounds) {
        bodies = DeviceTally(
            bounds.bodyBytes, each: bounds.deviceBodyBytes, full: .bodies,
            deviceFull: .deviceBodies)
        answers = DeviceTally(
            bounds.answerBytes, each: bounds.deviceAnswerBytes, full: .answers,
            deviceFull: .deviceAnswers)
    }
}

/// What one request takes of them: its body until it is answered, its answer until that has left.
final class RequestShare: Sendable {
    private struct Taken {
        var bytes = 0
        var device: DeviceID?
        var answer: DeviceTally.Share?
    }

    /// Bytes of an answer that doesn't count: the few of a connection weigh no more than the connection.
    static let freeAnswerBytes = 16 << 10

    private let all: BytesUnderWay
    private let taken = Mutex(Taken())

    init(_ all: BytesUnderWay) { self.all = all }

    /// Whose the request is.
    func belongs(to device: DeviceID) { taken.withLock { $0.device = device } }

    /// Whether the body is so large that no task should work on it.
    var isLarge: Bool { taken.withLock { $0.bytes > 0 } }

    /// The body has so many bytes, and parts.
    func grow(to size: Int, parts: Int = 0, for device: DeviceID) throws {
        try taken.withLock { taken in
            let weight = max(
                size - Limits.smallRequestByteLimit,
                (parts - BodyParts.freeMessages) * BodyParts.messageBytes)
            let more = weight - taken.bytes
            guard more > 0 else { return }
            try all.bodies.take(more, for: device)
            taken.bytes += more
            taken.device = device
        }
    }

    /// Counts an answer of so many bytes as held; not a small one, or a stranger's.
    func hold(_ bytes: Int) throws {
        guard bytes > Self.freeAnswerBytes, let device = taken.withLock({ $0.device }) else {
            return
        }
        let answer = try all.answers.share(bytes, for: device)
        taken.withLock { $0.answer = answer }
    }

    /// The body is worked up.
    func end() {
        taken.withLock { taken in
            guard let device = taken.device else { return }
            all.bodies.giveBack(taken.bytes, of: device)
            taken.bytes = 0
        }
    }

    /// The answer has left, or nobody waits for it any more.
    func endAnswer() { taken.withLock { $0.answer = nil } }
}

extension Refusal {
    fileprivate static let bodies = Refusal(
        .unavailable, "The server reads as many large bodies as it can hold.", headers: soon)

    fileprivate static let deviceBodies = Refusal(
        .tooManyRequests, "This device sends too many large bodies at once.", headers: soon)

    fileprivate static let answers = Refusal(
        .unavailable, "Others have not yet read as many large answers as the server can hold.",
        headers: soon)

    fileprivate static let deviceAnswers = Refusal(
        .tooManyRequests, "This device has not yet read its large answers.", headers: soon)

    static let downloads = Refusal(
        .unavailable, "The server sends as many snapshots as it can at a time.", headers: soon)

    static let deviceDownloads = Refusal(
        .tooManyRequests,
        "This device downloads \(Limits.deviceDownloadLimit) snapshots already.", headers: soon)

    private static let soon = [
        HTTPField(name: .retryAfter, value: "2"), HTTPField(name: .connection, value: "close"),
    ]
}
