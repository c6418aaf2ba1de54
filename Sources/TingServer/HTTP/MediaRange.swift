// SPDX-License-Identifier: Apache-2.0

package import TingWire

/// `Accept` as RFC 9110 § 12.5.1 has it, for the few types that the server speaks.
package enum MediaRange {
    static func type(_ field: String) -> String {
        (field.split(separator: ";").first ?? "").lowercased().filter { !$0.isWhitespace }
    }

    /// The offer with the highest weight; of equals the first.
    package static func best(of offers: [WireCoding], _ accept: String) -> WireCoding {
        var best: (offer: WireCoding, weight: Double)?
        for offer in offers {
            let weight = weight(of: offer.mediaType, accept)
            if weight > best?.weight ?? 0 { best = (offer, weight) }
        }
        // Who accepts neither gets JSON: an answer that can be read beats a refusal.
        return best?.offer ?? .json
    }

    private static func weight(of media: String, _ accept: String) -> Double {
        let kind = media.split(separator: "/").first.map { "\($0)/*" }
        var found: (specificity: Int, weight: Double) = (0, 0)
        for range in accept.split(separator: ",") {
            let name = type(String(range))
            let specificity = name == media ? 3 : name == kind ? 2 : name == "*/*" ? 1 : 0
            if specificity > found.specificity { found = (specificity, quality(range)) }
        }
        return found.weight
    }

    /// The weight of a content coding in `Accept-Encoding`.
    package static func weight(of coding: String, inCodings accept: String) -> Double {
        let ranges = accept.split(separator: ",")
        let named = ranges.first { type(String($0)) == coding }
        return (named ?? ranges.first { type(String($0)) == "*" }).map(quality) ?? 0
    }

    private static func quality(_ range: Substring) -> Double {
        for parameter in range.split(separator: ";").dropFirst() {
            let pair = parameter.filter { !$0.isWhitespace }.lowercased()
            if pair.hasPrefix("q=") { return Double(pair.dropFirst(2)) ?? 0 }
        }
        return 1
    }
}
