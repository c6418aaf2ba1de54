// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("The server's key for bundles")
struct BundleKeyTests {
    @Test(
        "one that is gone: the server says so, a sync keeps the old one, joining anew takes the new"
    )
    func anotherKey() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        _ = try programs.ting("mette", "add", "project", "title_en=At sea")
        let bundle = programs.folder.appending(path: "demo.bundle").path
        func carried() throws -> Programs.Result {
            let made = try programs.ting("mette", "bundle", "create", "--to", bundle)
            #expect(made.status == 0, "\(made.errors)")
            return try programs.run("tingd", ["bundle", "apply", "--data", programs.data, bundle])
        }
        #expect(try carried().status == 0)
        // The same CA, and another key: nothing but the join tells.
        programs.stop(SIGTERM)
        try FileManager.default.removeItem(atPath: programs.data + "/tls/bundle.key")
        try programs.serve()
        let refused = try carried()
        #expect(refused.status == 1)
        #expect(refused.errors.contains("ting join"), "\(refused.errors)")
        #expect(try programs.ting("mette", "sync").status == 0)
        #expect(try carried().status == 1)
        let joined = try programs.ting(
            "mette", "join", try programs.invite("mette", role: "owner"))
        #expect(joined.status == 0)
        #expect(joined.errors.contains("another key for bundles"), "\(joined.errors)")
        #expect(try carried().status == 0)
        let again = try programs.ting(
            "mette", "join", try programs.invite("mette", role: "owner"))
        #expect(!again.errors.contains("key for bundles"), "\(again.errors)")
    }
}
