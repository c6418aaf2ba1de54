// SPDX-License-Identifier: Apache-2.0

package import HTTPTypes
import HummingbirdCore

/// What a request asks for: one case an endpoint of `Protocol/openapi.yaml`.
package enum Route: Equatable, Sendable {
    case join
    case workspaces
    case workspace(String)
    case sync(String)
    case mend(String)
    case giveBack(String)
    case entries(String)
    case snapshot(String)
    case manifest(String)
    case follow(String)
    case members(String)
    case invitations(String)
    case changeRole(String, member: String)
    case removeMember(String, member: String)
    case devices
    case revokeDevice(String)
    case bundleKey
    case bundles
    case healthz, readyz, metrics

    /// How a method and a path were understood.
    package enum Match: Equatable {
        case route(Route)
        /// The path exists; these are its methods.
        case otherMethods([HTTPRequest.Method])
        case nothing
    }

    package static func match(_ method: HTTPRequest.Method, path: String) -> Match {
        let routes = routes(at: path)
        guard !routes.isEmpty else { return .nothing }
        // HEAD is GET without the body (RFC 9110 § 9.3.2).
        let asked = method == .head ? .get : method
        if let found = routes.first(where: { $0.method == asked }) { return .route(found.route) }
        let methods = routes.map(\.method)
        return .otherMethods(methods + (methods.contains(.get) ? [.head] : []))
    }

    /// The slug of the workspace whose event stream a request asks for; `nil` where it asks for
    /// something else.
    static func followed(by head: HTTPRequest) -> String? {
        guard head.method == .get, let path = head.path, path.isASCII, path.contains("follow"),
            case .route(.follow(let slug)) = match(.get, path: URI(path).path)
        else { return nil }
        return slug
    }

    /// Its name in metrics and logs, without slug or id.
    var name: String {
        switch self {
        case .join: "join"
        case .workspaces: "workspaces"
        case .workspace: "workspace"
        case .sync: "sync"
        case .mend: "mend"
        case .giveBack: "give_back"
        case .entries: "entries"
        case .snapshot: "snapshot"
        case .manifest: "manifest"
        case .follow: "follow"
        case .members: "members"
        case .invitations: "invite"
        case .changeRole: "change_role"
        case .removeMember: "remove_member"
        case .devices: "devices"
        case .revokeDevice: "revoke_device"
        case .bundleKey: "bundle_key"
        case .bundles: "bundles"
        case .healthz: "healthz"
        case .readyz: "readyz"
        case .metrics: "metrics"
        }
    }

    private static func routes(at path: String) -> [(method: HTTPRequest.Method, route: Route)] {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            .map(String.init)
        return switch parts.count {
        case 0: []  // `OPTIONS *` has no slash
        case 1: operatorRoutes(parts[0])
        case _ where parts[0] != "v1": []
        case 2: topRoutes(parts[1])
        case 3 where parts[1] == "workspaces": [(.get, .workspace(parts[2]))]
        case 3 where parts[1] == "devices": [(.delete, .revokeDevice(parts[2]))]
        case 4... where parts[1] == "workspaces": workspaceRoutes(parts[2], parts.dropFirst(3))
        default: []
        }
    }

    private static func operatorRoutes(_ part: String) -> [(HTTPRequest.Method, Route)] {
        switch part {
        case "healthz": [(.get, .healthz)]
        case "readyz": [(.get, .readyz)]
        case "metrics": [(.get, .metrics)]
        default: []
        }
    }

    private static func topRoutes(_ part: String) -> [(HTTPRequest.Method, Route)] {
        switch part {
        case "join": [(.post, .join)]
        case "workspaces": [(.get, .workspaces)]
        case "devices": [(.get, .devices)]
        case "bundle-key": [(.get, .bundleKey)]
        case "bundles": [(.post, .bundles)]
        default: []
        }
    }

    private static func workspaceRoutes(
        _ slug: String, _ rest: ArraySlice<String>
    ) -> [(HTTPRequest.Method, Route)] {
        switch Array(rest) {
        case ["sync"]: [(.post, .sync(slug))]
        case ["mend"]: [(.post, .mend(slug))]
        case ["give-back"]: [(.post, .giveBack(slug))]
        case ["entries"]: [(.get, .entries(slug))]
        case ["snapshot"]: [(.get, .snapshot(slug))]
        case ["snapshot", "manifest"]: [(.get, .manifest(slug))]
        case ["follow"]: [(.get, .follow(slug))]
        case ["members"]: [(.get, .members(slug))]
        case ["invitations"]: [(.post, .invitations(slug))]
        case let parts where parts.count == 2 && parts[0] == "members":
            [
                (.patch, .changeRole(slug, member: parts[1])),
                (.delete, .removeMember(slug, member: parts[1])),
            ]
        default: []
        }
    }
}
