// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A program under way. It can be killed at any instant, and never another one in its place: its
/// number is not given away before it was killed for the last time.
final class Child: Sendable {
    /// How a program ended.
    enum Ending: Equatable, Sendable {
        case exited(Int32)
        case killed(Int32)
    }

    private enum State {
        case running
        case ended(Ending)
    }

    let id: pid_t
    private let state = Mutex(State.running)
    private static let running = Mutex<[pid_t: Child]>([:])

    /// Starts a program with no signal blocked or ignored, in a process group of its own.
    /// - Parameters:
    ///   - output: The file for standard output, emptied first; `errors` that for standard error.
    init(
        _ program: String, _ arguments: [String], environment: [String: String], output: String,
        errors: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (number, path) in [(1, output), (2, errors)] {
            posix_spawn_file_actions_addopen(
                &actions, Int32(number), path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var id = pid_t()
        let code = posix_spawnp(&id, program, &actions, &attributes, words, variables)
        guard code == 0 else {
            throw Trouble("\(program) can't be started: \(String(cString: strerror(code)))")
        }
        self.id = id
        Self.running.withLock { $0[id] = self }
    }

    /// Sends a signal to the program and what it started, unless it has ended and was waited for.
    func signal(_ number: Int32) {
        state.withLock { if case .running = $0 { _ = kill(-id, number) } }
    }

    /// Waits for the end. A program that takes longer than `limit` is killed: that is a failure of
    /// its own, which the caller sees by the signal.
    func wait(limit: Duration = .seconds(120)) -> Ending {
        let watch = DispatchWorkItem { self.signal(SIGKILL) }
        DispatchQueue.global().asyncAfter(
            deadline: .now() + .milliseconds(Int(limit.components.seconds * 1000)), execute: watch)
        defer { watch.cancel() }
        var seen = siginfo_t()
        while waitid(P_PID, id_t(id), &seen, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        defer { awaitGroup() }
        return state.withLock { state in
            if case .ended(let ending) = state { return ending }
            var status: Int32 = 0
            while waitpid(id, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7f
            let ending: Ending = signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal)
            state = .ended(ending)
            Self.running.withLock { $0[id] = nil }
            return ending
        }
    }

    /// A wrapper such as `faketime` may end before the program in it.
    private func awaitGroup() {
        for _ in 0..<4_000 where kill(-id, 0) == 0 { usleep(5_000) }
    }

    /// Whether it goes on; one that has just ended may still count.
    var isRunning: Bool {
        state.withLock { state in
            guard case .running = state else { return false }
            var seen = siginfo_t()
            guard waitid(P_PID, id_t(id), &seen, WEXITED | WNOWAIT | WNOHANG) == 0 else {
                return false
            }
            return seen._sifields._sigchld.si_pid == 0
        }
    }

    /// Kills whatever this program has started and not waited for.
    static func endAll() {
        for child in running.withLock({ Array($0.values) }) { child.signal(SIGKILL) }
    }
}

/// Why the world could not be set up, or went on in a way that no verdict names.
struct Trouble: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
