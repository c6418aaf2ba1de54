// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingServer

struct Quota: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bound the bytes that a workspace may take.",
        discussion: """
            tingd quota --data /srv/ting --workspace energy 500M
            tingd quota --data /srv/ting --workspace energy none

            Holds from the next sync on, also while the server runs. What goes beyond it stays in \
            the outbox of its author, and is accepted once there is room. `tingd status` shows what \
            each workspace takes.
            """)

    @OptionGroup var options: DataOption

    @OptionGroup var place: WorkspaceOption

    @Argument(help: "Bytes, with K, M or G for 1024, 1024² or 1024³ of them; or none.")
    var size: String

    func validate() throws {
        guard size == "none" || Self.bytes(size) != nil else {
            throw ValidationError("A quota reads like 500M, 2G or none, not \(size).")
        }
    }

    func run() throws {
        try options.withOperator { person in
            let slug = try place.slug(of: person)
            try person.setQuota(Self.bytes(size), of: slug)
        }
    }

    static func bytes(_ text: String) -> Int64? {
        let shifts: [Character: Int64] = ["K": 10, "M": 20, "G": 30]
        let shift = text.last.flatMap { shifts[Character($0.uppercased())] }
        guard let count = Int64(shift == nil ? text[...] : text.dropLast()), count > 0 else {
            return nil
        }
        let (bytes, isTooMany) = count.multipliedReportingOverflow(by: 1 << (shift ?? 0))
        return isTooMany ? nil : bytes
    }
}
