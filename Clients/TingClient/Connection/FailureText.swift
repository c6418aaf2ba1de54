// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Says in plain words why a connection failed.
enum FailureText {
    static func connecting(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if error.connectionErrors.isEmpty { return "its name is not known here" }
            return error.connectionErrors.first.map { connecting($0.error) } ?? "it refused"
        case let error as IOError: return reason(error.errnoCode)
        case ChannelError.connectTimeout: return "it did not answer in time"
        case let error as HTTPClientError
        where error == .connectTimeout || error == .deadlineExceeded:
            return "it did not answer in time"
        case let error as HTTPClientError where error == .proxyAuthenticationRequired:
            return "it wants a user name and password, as in http://USER:PASSWORD@HOST:PORT"
        case let error as HTTPClientError where error == .invalidProxyResponse:
            return "it refused to connect"
        case let error as HTTPClientError where error == .httpProxyHandshakeTimeout:
            return "it did not answer in time"
        case let error as HTTPClientError where error == .tlsHandshakeTimeout:
            return "it did not answer in time"
        default: return "the connection could not be made"
        }
    }

    private static func reason(_ code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "nothing listens there"
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN: "there is no network to it"
        case ETIMEDOUT: "it did not answer in time"
        case ECONNRESET, EPIPE: "the connection was cut"
        default: String(cString: strerror(code)).lowercased()
        }
    }
}

extension ClientError {
    /// What a library threw of a connection, in words; `nil` where TLS refused, or was refused: of that
    /// the certificate tells more.
    init?(_ error: any Error, at server: ServerAddress, through proxy: ProxySettings?) {
        switch error {
        case let error as ClientError: self = error
        case NIOSSLError.handshakeFailed(.sslError(let stack))
        where stack.contains(.eofDuringHandshake):
            self = .lost(server)
        case NIOSSLError.uncleanShutdown: self = .lost(server)
        case is NIOSSLError, is NIOSSLExtraError:
            guard Self.isForeign(error) else { return nil }
            self = .foreignAnswer(server, "bytes that are no TLS")
        case let error as HTTPClientError:
            switch error {
            case .alreadyShutdown: self = .closed(server)
            case .remoteConnectionClosed, .uncleanShutdown: self = .lost(server)
            case .readTimeout, .deadlineExceeded: self = .silent(server)
            default:
                self = .notReached(server, through: proxy, because: FailureText.connecting(error))
            }
        case ChannelError.ioOnClosedChannel, ChannelError.eof, is HTTPParserError:
            self = .lost(server)
        case let error as IOError where error.errnoCode == ECONNRESET || error.errnoCode == EPIPE:
            self = .lost(server)
        default:
            self = .notReached(server, through: proxy, because: FailureText.connecting(error))
        }
    }

    /// Whether what answered does not speak TLS at all; BoringSSL says so in words alone.
    private static func isForeign(_ error: any Error) -> Bool {
        let text = String(describing: error)
        return ["WRONG_VERSION_NUMBER", "HTTP_REQUEST"].contains { text.contains($0) }
    }
}
