// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Testing
import TingWire

@testable import TingServer

extension ServerTests {
    @Suite("The OpenAPI document says what the server does")
    struct OpenAPITests {
        private static let document: String? = {
            let root = URL(filePath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent()
            return try? String(
                contentsOf: root.appending(path: "Protocol/openapi.yaml"), encoding: .utf8)
        }()

        /// Paths and their methods, as the document has them: two and four spaces deep.
        private static func paths() throws -> [String: Set<String>] {
            var found: [String: Set<String>] = [:]
            var path = ""
            for line in try #require(document).split(separator: "\n") {
                if line == "components:" { break }
                if let match = line.wholeMatch(of: /[ ]{2}(\/\S*):/) { path = String(match.1) }
                if let match = line.wholeMatch(of: /[ ]{4}(get|post|put|patch|delete):/) {
                    found[path, default: []].insert(match.1.uppercased())
                }
            }
            return found
        }

        @Test("every path of the document is served with its methods, and no other method")
        func paths() throws {
            let paths = try Self.paths()
            #expect(paths.count == 20)
            for (path, methods) in paths {
                let path = path.replacing("{slug}", with: "team").replacing("{id}", with: "some")
                for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                    let match = Route.match(try #require(.init(rawValue: method)), path: path)
                    if methods.contains(method) {
                        guard case .route = match else {
                            Issue.record("\(method) \(path): \(match)")
                            continue
                        }
                    } else {
                        guard case .otherMethods(let taken) = match else {
                            Issue.record("\(method) \(path): \(match)")
                            continue
                        }
                        #expect(Set(taken.map(\.rawValue)).subtracting(["HEAD"]) == methods)
                    }
                }
            }
        }

        @Test("every code of an error is in the document, and no other")
        func codes() throws {
            let document = try #require(Self.document)
            let list = try #require(document.firstMatch(of: /enum: \[(bad_request[^\]]*)\]/)?.1)
            #expect(
                list.split(separator: ", ").map(String.init).sorted()
                    == ProblemCode.allCases.map(\.rawValue).sorted())
        }
    }
}
