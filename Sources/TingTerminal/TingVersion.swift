// SPDX-License-Identifier: Apache-2.0

/// What `--version` says: the programs are released together.
package enum TingVersion {
    package static let text = "1.0.0"
}
