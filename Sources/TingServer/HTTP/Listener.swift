// SPDX-License-Identifier: Apache-2.0

import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL
import NIOTLS

/// One port for HTTP/1.1 and HTTP/2 over TLS, chosen by ALPN.
enum Listener {
    static func builder(
        _ tls: ListenerTLS, _ api: API, _ routes: RouteService
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in Connections(tls, api, responder, routes) }
    }
}

/// Sets connections up: TLS, its watch, and the version of HTTP that was agreed on.
///
/// As Hummingbird's `HTTP2UpgradeChannel` does, but that follow streams stay out of the routes, that no
/// task waits for a connection's first request, and that each handshake finds the certificate in its
/// context instead of taking a copy.
private struct Connections: ServerChildChannel {
    struct Value: ServerChildChannelValue {
        let channel: any Channel
    }

    private let tls: ListenerTLS
    private let api: API
    private let http1: HTTP1Channel
    private let http2: HTTP2Channel
    private let routes: RouteService
    private let peers: PeerConnections

    init(
        _ tls: ListenerTLS, _ api: API, _ responder: @escaping HTTPChannelHandler.Responder,
        _ routes: RouteService
    ) {
        self.tls = tls
        self.api = api
        self.routes = routes
        let bounds = api.bounds
        peers = PeerConnections(bounds)
        http1 = HTTP1Channel(responder: responder)
        http2 = HTTP2Channel(
            responder: responder,
            configuration: .init(
                idleTimeout: bounds.idle, gracefulCloseTimeout: bounds.shutdown,
                streamConfiguration: .init(
                    additionalChannelHandlers: [RequestWatch(bounds), FollowDoor(api)],
                    idleTimeout: TimeAmount(bounds.idle))))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            guard peers.enter(channel) else {
                try channel.pipeline.syncOperations.addHandler(ClosedDoor())
                return Value(channel: channel)
            }
            let agreement = ApplicationProtocolNegotiationHandler { agreed, channel in
                switch agreed {
                case .negotiated("h2"): setUpHTTP2(channel, logger)
                // ALPN lets nothing else be agreed on; a client without it speaks HTTP/1.1.
                case .negotiated, .fallback: setUpHTTP1(channel, logger)
                }
            }
            try channel.pipeline.syncOperations.addHandlers([
                NIOSSLServerHandler(context: tls.context), ConnectionWatch(api.bounds), agreement,
            ])
            return Value(channel: channel)
        }
    }

    private func setUpHTTP2(_ channel: any Channel, _ logger: Logger) -> EventLoopFuture<Void> {
        http2.setup(channel: channel, logger: logger).map { streams in
            routes.serve { await http2.handle(value: streams, logger: logger) }
        }
    }

    private func setUpHTTP1(_ channel: any Channel, _ logger: Logger) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
                FirstBytes { pipeline in
                    try addHTTP1(to: pipeline, logger)
                })
        }
    }

    private func addHTTP1(
        to pipeline: ChannelPipeline.SynchronousOperations, _ logger: Logger
    ) throws {
        // The requests of a connection are answered one by one, and errors by Hummingbird.
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false,
            withOutboundHeaderValidation: false, withEncoderConfiguration: .init(),
            withDecoderLimitConfiguration: NIOHTTPDecoderLimitConfiguration(
                http1.configuration.httpDecoder))
        try pipeline.addHandlers([
            HTTP1ToHTTPServerCodec(secure: false), RequestWatch(api.bounds),
            HTTPConnectionStateHandler(idleTimeout: api.bounds.idle, logger: logger),
            FollowDoor(api) { requests in
                routes.serve { await http1.handle(value: requests, logger: logger) }
            },
        ])
    }

    /// Nothing: `RouteService` serves a connection once it has something for the routes.
    func handle(value: Value, logger: Logger) async {}
}

extension NIOHTTPDecoderLimitConfiguration {
    fileprivate init(_ configuration: HTTP1Channel.Configuration.DecoderConfiguration) {
        self.init()
        maxHeaderFieldSize = configuration.maxHeaderFieldSize
        maxHeaderListSize = configuration.maxHeaderListSize
        maxHeaderFieldCount = configuration.maxHeaderFieldCount
    }
}
