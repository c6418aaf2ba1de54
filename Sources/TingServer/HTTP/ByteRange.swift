// SPDX-License-Identifier: Apache-2.0

import TingCore

/// What a `Range` header asks of a file (RFC 9110 § 14).
package enum ByteRange: Equatable {
    /// The whole file: no range, one we do not understand, or several with gaps between them.
    case whole
    case part(Range<Int>)
    case unsatisfiable

    package init(_ header: String?, size: Int) {
        guard let header, let specs = Self.specs(header) else {
            self = .whole
            return
        }
        let parts = specs.compactMap { $0.range(in: size) }.sorted { $0.lowerBound < $1.lowerBound }
        guard var joined = parts.first else {
            self = .unsatisfiable
            return
        }
        for part in parts.dropFirst() {
            guard part.lowerBound <= joined.upperBound else {
                self = .whole
                return
            }
            joined = joined.lowerBound..<max(joined.upperBound, part.upperBound)
        }
        self = .part(joined)
    }

    private enum Spec {
        case from(Int, through: Int?)
        case suffix(Int)

        init?(_ text: Substring) {
            let ends = text.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2, ends.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } })
            else { return nil }
            switch (ends[0].isEmpty, ends[1].isEmpty) {
            case (true, true): return nil
            case (true, false): self = .suffix(Int(ends[1]) ?? .max)
            case (false, true): self = .from(Int(ends[0]) ?? .max, through: nil)
            case (false, false):
                let (first, last) = (Int(ends[0]) ?? .max, Int(ends[1]) ?? .max)
                guard first <= last else { return nil }
                self = .from(first, through: last)
            }
        }

        func range(in size: Int) -> Range<Int>? {
            switch self {
            case .suffix(let count): count > 0 && size > 0 ? max(0, size - count)..<size : nil
            case .from(let first, let last):
                first < size ? first..<min(last ?? size, size - 1) + 1 : nil
            }
        }
    }

    private static func specs(_ header: String) -> [Spec]? {
        let parts = header.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased().filter({ $0 != " " }) == "bytes" else {
            return nil
        }
        let texts = parts[1].split(separator: ",").map {
            $0.filter { $0 != " " && $0 != "\t" }[...]
        }
        let specs = texts.compactMap { Spec($0) }
        return specs.count == texts.count && !specs.isEmpty && specs.count <= Limits.rangeLimit
            ? specs : nil
    }
}
