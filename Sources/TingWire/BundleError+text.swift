// SPDX-License-Identifier: Apache-2.0

extension BundleError {
    /// Stable, for programs.
    package var code: String {
        switch self {
        case .notABundle: "not_a_bundle"
        case .wrongWay: "bundle_wrong_way"
        case .otherRecipient: "bundle_of_others"
        case .damaged: "bundle_damaged"
        case .tooLarge: "bundle_too_large"
        }
    }

    /// What is wrong, for people: one sentence.
    package var sentence: String {
        switch self {
        case .notABundle: "This is no bundle of Ting."
        case .wrongWay:
            "This bundle goes the other way: replies are for members, others for servers."
        case .otherRecipient: "This bundle is sealed to another key, and can't be opened here."
        case .damaged: "This bundle was altered or cut on its way, or somebody else sealed it."
        case .tooLarge: "This bundle is larger than any that Ting makes."
        }
    }

    /// What a person can do now: one sentence.
    package var remedy: String {
        switch self {
        case .notABundle: "Name the file that came, whole and unchanged."
        case .wrongWay:
            "A server takes it with `tingd bundle apply`, a member with `ting bundle apply`."
        case .otherRecipient:
            "Give it to the server, or the device, that it was made for. Where that has a new key since, its sender runs `ting join` with a new invitation, and makes another; nothing is lost."
        case .damaged: "Have it sent again; nothing was taken from it, and nothing is lost."
        case .tooLarge: "Have a new one made; nothing was taken from it."
        }
    }
}
