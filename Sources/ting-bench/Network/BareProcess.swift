// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient

/// This program again, as the bare server of P7 and P8.
final class BareProcess {
    let process: pid_t
    let port: Int

    init(of server: Server) throws {
        let output = Scratch.file("bare-output")
        process = try Program(path: "/proc/self/exe").spawn(
            ["bare", "--certificate", server.certificate, "--key", server.key], output: output)
        for _ in 0..<500 {
            let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
            if text.hasSuffix("\n"), let found = text.range(of: "ready on "),
                let address = ServerAddress(
                    text[found.upperBound...].trimmingCharacters(in: .whitespacesAndNewlines))
            {
                port = address.port
                return
            }
            usleep(20_000)
        }
        throw BenchError("the bare server did not become ready")
    }

    func stop() {
        kill(process, SIGTERM)
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }
}
