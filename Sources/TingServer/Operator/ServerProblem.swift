// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import NIOCore
import TingCore
import TingStore

/// Errors of the libraries below, in words for an operator.
package enum ServerProblem {
    package static func explain(_ error: any Error) -> (message: String, hint: String) {
        if isStorageFull(error) {
            return ("The disk is full.", "Free space where the data folder lies, and try again.")
        }
        if let error = error as? UnreadableFile { return (error.sentence, error.remedy) }
        if let error = error as? DatabaseError { return explain(error) }
        if let error = error as? SchemaError { return (error.sentence, error.remedy) }
        if let error = error as? IOError {
            let reason = String(cString: strerror(error.errnoCode))
            return (
                "The address can't be used: \(reason).",
                "Name a free one with --listen; port 0 picks one."
            )
        }
        if error is StoredFormError || error is CBORError {
            return (
                "A file in the data folder holds what can't be read.",
                "Look which it is: `tingd verify`."
            )
        }
        if let error = error as? FileFailure {
            return (
                "The file \(error.path) can't be written: \(String(cString: strerror(error.code))).",
                "Look at the folder's owner and permissions."
            )
        }
        if let error = error as? CocoaError {
            let path = (error.userInfo[NSFilePathErrorKey] as? String).map { " (\($0))" } ?? ""
            return (
                "A file can't be read or written\(path).",
                "Look at the folder's owner and permissions."
            )
        }
        return ("\(type(of: error)).", "Look whether all files are whole: `tingd verify`.")
    }

    /// What an error says of the one file that was read, as "is damaged".
    static func problem(of error: any Error) -> String {
        if case SchemaError.taken = error { return "holds a table or column of somebody's own" }
        if error is SchemaError { return "is of another release" }
        if error is WorkspaceError { return "is missing" }
        if error is StoredFormError || error is CBORError { return "holds what can't be read" }
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_NOTADB, .SQLITE_CORRUPT: return "is damaged"
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH: return "can't be opened"
        case .SQLITE_READONLY: return "can't be written"
        case let code?: return "can't be read: SQLite's code \(code.rawValue)"
        case nil: return "can't be read"
        }
    }

    private static func explain(_ error: DatabaseError) -> (message: String, hint: String) {
        switch error.resultCode {
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            (
                "A file in the data folder can't be opened or written.",
                "Look at its owner and permissions; run the command as the user whose it is."
            )
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            (
                "A file in the data folder is damaged.",
                "Look which it is: `tingd verify`. Keep a copy of the folder, then see `tingd restore --help`."
            )
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            ("Another program holds a file in the data folder.", "Try again when it has ended.")
        default:
            (
                "SQLite failed (code \(error.extendedResultCode.rawValue)).",
                "Look whether the disk works; `tingd verify` checks the files."
            )
        }
    }
}
