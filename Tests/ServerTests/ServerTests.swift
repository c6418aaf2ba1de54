// SPDX-License-Identifier: Apache-2.0

import Testing

/// One at a time: many of these tests start programs, fill disks or give a server little time, and
/// would disturb one another.
@Suite("The server", .serialized)
enum ServerTests {}
