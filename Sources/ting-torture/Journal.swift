// SPDX-License-Identifier: Apache-2.0

/// What one member has written, in words that name them and count: `anna17`.
///
/// A write is acknowledged when the program that made it ended with 0. One that was killed may be
/// there or not, but not twice.
struct Journal: Sendable {
    /// One place of a record.
    struct Place: Hashable, Sendable {
        var record: String
        var field: String
    }

    let name: String
    private var count = 0
    /// The words that must be somewhere.
    private(set) var acknowledged: Set<String> = []
    /// Increments of counters: those that must have counted, and those that may have.
    private(set) var increments: [String: (sure: Int, perhaps: Int)] = [:]
    /// Edits of other tools that were perhaps not sealed yet: a later one of the same place by the same
    /// person takes their place in the change set.
    private var unsealed: [Place: String] = [:]

    init(name: String) { self.name = name }

    /// A word that nobody has written before, nor can a merge make it of two others: texts are merged by
    /// words (`Protocol/spec/merge.md#text`), and this is one.
    mutating func word() -> String {
        count += 1
        return "\(name)\(count)"
    }

    /// `ting` wrote the word; whatever lay unsealed was sealed before it.
    mutating func wrote(_ word: String?) {
        if let word { acknowledged.insert(word) }
        unsealed = [:]
    }

    /// Another tool wrote the word over what stands there.
    mutating func wroteUnsealed(_ word: String, at place: Place?) {
        acknowledged.insert(word)
        guard let place else { return }
        if let before = unsealed.updateValue(word, forKey: place) { acknowledged.remove(before) }
    }

    /// Another tool was killed as it wrote over what stands there: the word before may be gone.
    mutating func perhapsWroteUnsealed(at place: Place) {
        if let before = unsealed.removeValue(forKey: place) { acknowledged.remove(before) }
    }

    /// Everything noted is in the outbox or further.
    mutating func sealed() { unsealed = [:] }

    mutating func counted(_ record: String, surely: Bool) {
        var known = increments[record] ?? (0, 0)
        if surely { known.sure += 1 } else { known.perhaps += 1 }
        increments[record] = known
    }

    /// What was proved to be in the history need not be looked for again.
    mutating func settle(_ words: Set<String>) { acknowledged.subtract(words) }
}
