// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix

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
