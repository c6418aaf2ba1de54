// SPDX-License-Identifier: Apache-2.0

extension CommandLine {
    /// The arguments without the program's name; `nil` where one is not UTF-8.
    ///
    /// `arguments` has U+FFFD in the place of such bytes: an edit would lose what was meant.
    package static var givenArguments: [String]? {
        var given: [String] = []
        for position in 1..<max(1, Int(argc)) {
            guard let start = unsafeArgv[position], let text = String(validatingCString: start)
            else { return nil }
            given.append(text)
        }
        return given
    }
}
