// SPDX-License-Identifier: Apache-2.0

import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOSSL

/// One port for HTTP/1.1 and HTTP/2 over TLS, chosen by ALPN.
enum Listener {
    static func builder(
        _ certificate: ServerCertificate, allowsTLS12: Bool, _ bounds: ServerBounds
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            Watched(
                base: try HTTP2UpgradeChannel(
                    tlsConfiguration: certificate.listenerConfiguration(allowsTLS12: allowsTLS12),
                    configuration: .init(
                        idleTimeout: bounds.idle, gracefulCloseTimeout: bounds.shutdown,
                        streamConfiguration: .init(
                            additionalChannelHandlers: [RequestWatch(bounds)],
                            idleTimeout: TimeAmount(bounds.idle))),
                    responder: responder), bounds: bounds)
        }
    }
}

/// Puts a `ConnectionWatch` on every connection, between TLS and HTTP.
private struct Watched<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let bounds: ServerBounds

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let tls = try pipeline.handler(type: NIOSSLServerHandler.self)
            try pipeline.addHandler(ConnectionWatch(bounds), position: .after(tls))
            return value
        }
    }

    func handle(value: Base.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
