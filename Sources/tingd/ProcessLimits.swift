// SPDX-License-Identifier: Apache-2.0

import Foundation

enum ProcessLimits {
    /// Each connection and each open workspace takes file handles: as many as the system allows.
    /// - Returns: how many there are.
    static func raiseOpenFiles() -> Int {
        var limit = rlimit()
        #if os(Linux)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return 1_024 }
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        _ = setrlimit(resource, &limit)
        return getrlimit(resource, &limit) == 0 ? Int(limit.rlim_cur) : 1_024
    }
}
