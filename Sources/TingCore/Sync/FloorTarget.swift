// SPDX-License-Identifier: Apache-2.0

/// How far up a floor is to go, always by versions: a time only finds one.
public enum FloorTarget: Equatable, Sendable {
    /// So many versions stay.
    case keep(Int64)
    /// Versions accepted at this time or later stay, in milliseconds since 1970.
    case since(Int64)
    /// The oldest version that stays.
    case version(Version)
}
