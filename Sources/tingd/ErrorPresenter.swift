// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingServer

/// Turns errors into lines for people and exit codes: 0 done, 1 error, 2 usage.
enum ErrorPresenter {
    static func present(_ error: any Error) -> Int32 {
        if let problem = error as? ServerError {
            complain(problem.message, hint: problem.hint)
            return 1
        }
        if let code = error as? ExitCode { return code.rawValue }
        let usage = Tingd.exitCode(for: error)
        if usage == .success {
            Output.line(Tingd.fullMessage(for: error))  // --help and --version
            return 0
        }
        if usage == .validationFailure {
            complain(Tingd.message(for: error), hint: "See `tingd --help`.")
            return 2
        }
        let (message, hint) = ServerProblem.explain(error)
        complain(message, hint: hint)
        return 1
    }

    static func complain(_ message: String, hint: String?) {
        note("tingd: error: \(message)")
        if let hint { note("tingd: hint: \(hint)") }
    }

    /// Says something beside the data: on standard error.
    static func note(_ line: String) {
        StandardError.say(line)
    }
}
