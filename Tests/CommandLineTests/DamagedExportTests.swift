// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingTesting

@Suite("Files of exported edits")
struct DamagedExportTests {
    @Test("one with bytes changed is taken or refused, ends no program, and leaves what waits here")
    func damaged() throws {
        let programs = try Programs()
        try programs.member("mette", role: "owner")
        try programs.member("li", role: "editor")
        for title in ["Fjernvarme i 哈尔滨", "Havvind", "Rent vand"] {
            _ = try programs.ting("mette", "add", "project", "title_en=\(title)")
        }
        _ = try programs.ting("li", "add", "project", "title_en=Li's own")
        let whole = Array(try programs.ting("mette", "outbox", "export").output.utf8)
        let file = programs.folder.appending(path: "damaged.json")
        var random = SeededGenerator(state: 20_261_130)
        var refused = 0
        for number in 0..<60 {
            let bytes = Self.damaged(whole, &random)
            try Data(bytes).write(to: file)
            let taken = try programs.ting("li", "outbox", "import", file.path, "--json")
            #expect([0, 1].contains(taken.status), "\(number): \(taken)")
            #expect(taken.status == 0 || taken.errors.contains("not_edits"), "\(number): \(taken)")
            refused += taken.status == 0 ? 0 : 1
        }
        #expect(refused > 20)
        #expect(try programs.ting("li", "outbox", "export").output.contains("Li's own"))
        #expect([0, 5].contains(try programs.ting("li", "sync").status))
        #expect(try programs.ting("li", "verify").status == 0)
        #expect(try programs.ting("li", "list", "project").output.contains("Li's own"))
    }

    private static func damaged(_ whole: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = whole
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let place = Int.random(in: bytes.indices, using: &random)
            let end = min(place + Int.random(in: 1...40, using: &random), bytes.endIndex)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = UInt8(ascii: "A") + UInt8.random(in: 0..<26, using: &random)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            default: bytes = Array(bytes[...place])
            }
        }
        return bytes
    }
}
