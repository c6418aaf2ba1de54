// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import NIOCore

/// Errors of the libraries below, in words for an operator.
package enum ServerProblem {
    package static func explain(_ error: any Error) -> (message: String, hint: String) {
        if isStorageFull(error) {
            return ("The disk is full.", "Free space where the data folder lies, and try again.")
        }
        if let error = error as? DatabaseError {
            return (
                "SQLite failed (code \(error.extendedResultCode.rawValue)).",
                "Look whether the disk works and the folder is yours; `tingd verify` checks the files."
            )
        }
        if let error = error as? IOError {
            let reason = String(cString: strerror(error.errnoCode))
            return (
                "The address can't be used: \(reason).",
                "Name a free one with --listen; port 0 picks one."
            )
        }
        if let error = error as? CocoaError {
            let path = (error.userInfo[NSFilePathErrorKey] as? String).map { " (\($0))" } ?? ""
            return (
                "A file can't be read or written\(path).",
                "Look at the folder's owner and permissions."
            )
        }
        return ("\(type(of: error)).", "Run it again with --log-level debug.")
    }
}
