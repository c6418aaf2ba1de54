// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ServiceLifecycle
import TingCore
import UnixSignals

/// Keeps the certificate good: reads it anew on SIGHUP, and renews the server's own in time.
struct CertificateService: Service {
    let certificate: ServerCertificate
    let now: @Sendable () -> Int64
    let logger: Logger
    /// How often the end is looked at.
    let interval: Duration

    func run() async throws {
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in hangups { reload() } }
                group.addTask {
                    while !Task.isCancelled {
                        renewIfDue()
                        try? await Task.sleep(for: interval)
                    }
                }
            }
        }
    }

    private func reload() {
        do {
            try certificate.reload()
            logger.info("certificate.reloaded", metadata: ["end": "\(certificate.end)"])
        } catch {
            logger.error("certificate.kept", metadata: ["reason": "\(reason(error))"])
        }
    }

    private func renewIfDue() {
        do {
            let date = Date(timeIntervalSince1970: Double(now()) / 1_000)
            if try certificate.renewIfDue(now: date) {
                logger.info("certificate.renewed", metadata: ["end": "\(certificate.end)"])
            }
        } catch {
            logger.error("certificate.not-renewed", metadata: ["reason": "\(reason(error))"])
        }
    }

    private func reason(_ error: any Error) -> String {
        error is ServerError
            ? "the files can't be used, or do not fit together, or the CA is not valid today"
            : "\(type(of: error))"
    }
}
