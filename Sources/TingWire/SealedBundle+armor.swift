// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// Bundles as text, for the body of an e-mail.
extension SealedBundle {
    private static let begin = "-----BEGIN TING BUNDLE-----"
    private static let end = "-----END TING BUNDLE-----"

    /// The file in base64, 64 characters a line, between two marks (as RFC 7468 has it).
    package static func armored(_ file: [UInt8]) -> String {
        let text = Data(file).base64EncodedString(options: [
            .lineLength64Characters, .endLineWithLineFeed,
        ])
        return "\(begin)\n\(text)\n\(end)\n"
    }

    /// The file in whichever form it came; text around the marks is skipped, as mail adds it.
    package static func dearmored(_ data: Data) throws -> [UInt8] {
        if data.starts(with: Data("tingbndl".utf8)) { return Array(data) }
        guard data.count <= 2 * fileByteLimit else { throw BundleError.notABundle }
        // A mail around it may be in any encoding that has ASCII in it.
        let text = String(decoding: data, as: UTF8.self)
        guard let start = text.range(of: begin),
            let stop = text.range(of: end, range: start.upperBound..<text.endIndex),
            let file = Data(
                base64Encoded: text[start.upperBound..<stop.lowerBound].filter {
                    !$0.isWhitespace && $0 != ">"
                })
        else { throw BundleError.notABundle }
        return Array(file)
    }
}
