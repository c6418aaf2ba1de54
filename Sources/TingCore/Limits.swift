// SPDX-License-Identifier: Apache-2.0

/// The bounds of the protocol, and those of server and client that others can notice, with their units and
/// their reasons. The same list, for implementers, is `Protocol/spec/limits.md`.
public enum Limits {
    /// Bytes of one change set in its stored form: a slow line carries it in one try.
    public static let changeSetByteLimit = 4 << 20
    /// Operations in one change set: an import of a whole programme is one.
    public static let operationLimit = 20_000
    /// UTF-8 bytes of one text value: minutes of a long meeting, not a book.
    public static let textByteLimit = 1 << 20
    /// Elements of one set.
    public static let setElementLimit = 2_000
    /// UTF-8 bytes of one element of a set.
    public static let elementByteLimit = 1_000
    /// UTF-8 bytes of a change set's message.
    public static let messageByteLimit = 4_000
    /// UTF-8 bytes of one unique value: it may get a suffix.
    public static let uniqueByteLimit = 200
    /// Bytes of a request body, as it comes and inflated: two of the largest change sets, and their
    /// framing.
    public static let requestByteLimit = 10 << 20
    /// Messages in one body, of the kinds that may stand in it many times, eight texts or numbers of columns
    /// counting as one (`BodyParts` has all weights): empty ones take two bytes on the line, and hundreds in
    /// memory.
    public static let requestPartLimit = 500_000
    /// Bytes of bodies that one device has under way: two of the largest.
    public static let deviceBodiesByteLimit = 20 << 20
    /// Bytes of bodies that a server has under way, beyond the first `smallRequestByteLimit` of each, and at
    /// least 32 for each part beyond the first 500: decoded they take up to ten times as many.
    public static let bodiesByteLimit = 64 << 20
    /// Bytes of answers longer than 16 kB that one device has not yet read.
    public static let deviceAnswersByteLimit = 64 << 20
    /// Bytes of such answers that a server holds.
    public static let answersByteLimit = 256 << 20
    /// Snapshots that one device downloads at a time.
    public static let deviceDownloadLimit = 8
    /// Ranges of one request: the whole is sent where more are asked for.
    public static let rangeLimit = 16
    /// Snapshots that a server sends at a time: each holds a file handle.
    public static let downloadLimit = 64
    /// Bytes of entries in one page, unless the replica asks for less: a page arrives whole
    /// within a minute on a line of 1 Mbit/s.
    public static let pageByteLimit = 1 << 20
    /// Bytes of outbox that a replica sends in one request.
    public static let outboxPageByteLimit = 1 << 20
    /// Bytes of what a bundle holds, either way: as text it is an e-mail's attachment.
    public static let bundleByteLimit = 16 << 20
    /// Bytes of a bundle that are sealed apart: a damaged or foreign one is refused at its first.
    public static let bundleChunkBytes = 64 << 10
    /// Bytes of every other request's body: who has no token yet can't make the server hold more.
    public static let smallRequestByteLimit = 64 << 10
    /// Change sets in one request.
    public static let deliveryLimit = 1_000
    /// Members of one workspace, past ones too, and open invitations to it, when an owner invites: the list
    /// goes to every replica whole.
    public static let workspaceMemberLimit = 2_000
    /// Changes of one workspace's members by owners within an hour, after which only removals are taken: the
    /// audit log keeps a line of each.
    public static let memberChangesPerHour = 1_000
    /// UTF-8 bytes of a name, e-mail address or device name, and of the name of a collection or field.
    public static let nameByteLimit = 200
    /// Bytes of a snapshot's block that is hashed apart: what a resumed download may re-send.
    public static let snapshotBlockBytes = 256 << 10
    /// Bytes of a snapshot up to which it is compressed thoroughly: of a larger one that takes too long.
    public static let snapshotThoroughBytes = 64 << 20
    /// Versions that a snapshot may lag behind the head before a new one is made.
    public static let snapshotLag: Int64 = 1_000
    /// Snapshots that are kept of a workspace: the one before the newest, for downloads under way.
    public static let keptSnapshots = 2
    /// Words that the word-level text merge compares at most, per side, within one hunk.
    public static let mergeWordLimit = 4_000
    /// Lines that the text merge compares at most, per side.
    public static let mergeLineLimit = 20_000
    /// Lines or words, both sides together, that the text merge compares one with another; where more
    /// lie between two anchors they count as rewritten. Bounds memory to some 16 MB.
    public static let mergeStretchLimit = 2_000
    /// Steps of aligning that the texts of one change set may take together (`Protocol/spec/merge.md#text`),
    /// and after which a request's other change sets wait for the next: some 0.3 s of a core.
    public static let mergeStepLimit = 50_000_000
    /// Bytes of the effects of one change set in their stored form, where they are not as its author wrote
    /// them: a small edit of a long text may open a conflict that holds all of it. With its change set an
    /// entry still fits a request that gives it back.
    public static let effectsByteLimit = 4 << 20
    /// Milliseconds of judging after which a server leaves what remains of each request for the next.
    public static let judgingMilliseconds: Int64 = 2_000
    /// Hashes that are followed from what one change set lists as seen.
    public static let seenLimit = 20_000
    /// The same of one who may not edit: as many heads as an outbox ever has, and far fewer than would fill a
    /// disk. More are not kept.
    public static let viewerSeenLimit = 16
    /// Bytes of records in one bucket that a server sends to mend it.
    public static let bucketByteLimit = 8 << 20
    /// Milliseconds of reading after which a server sends the buckets that it has found: the rest is asked for
    /// again.
    public static let mendMilliseconds: Int64 = 250
    /// Milliseconds of write lock that integrating takes at a time.
    public static let integrateSliceMilliseconds: Int64 = 50
    /// Hours that a join address is good for.
    public static let invitationHours = 24
    /// Wrong join codes from one address in a minute: a code can't be guessed.
    public static let joinAttemptsPerMinute = 20
    /// Seconds to finish a TLS handshake.
    public static let handshakeSeconds: Int64 = 10
    /// Seconds from the end of a TLS handshake to the head of the first request: who connects asks at once.
    public static let firstRequestSeconds: Int64 = 20
    /// Seconds in which a request must have come whole.
    public static let requestSeconds: Int64 = 300
    /// Seconds that the rest of a refused request is still read: its sender sees the answer.
    public static let lingerSeconds: Int64 = 10
    /// Seconds of silence after which an idle connection is closed; twice as many of a connection
    /// on which neither end says anything, whatever it waits for.
    public static let idleSeconds: Int64 = 120
    /// Seconds between comments on a quiet follow stream: a client bears 60 s of silence, and ten thousand
    /// quiet streams cost what their comments cost.
    public static let followCommentSeconds: Int64 = 40
    /// Bytes of entries that a follow event carries; longer ones are fetched by a sync.
    public static let followEventByteLimit = 64 << 10
    /// Workspaces a server keeps open: each costs 250 kB, and up to `fileHandlesEachWorkspace`.
    public static let openWorkspaceLimit = 200
    /// Follow streams of one device.
    public static let followLimit = 16
    /// Days before its end that the server renews its own certificate.
    public static let certificateRenewalDays = 30
    /// Seconds between two looks at the certificate's end.
    public static let certificateLookSeconds: Int64 = 3_600
    /// Seconds that a shutdown waits for requests under way.
    public static let shutdownSeconds: Int64 = 30
    /// Bytes of entries that a snapshot may lag behind the head before a new one is made: they are
    /// integrated one by one, which takes longer than copying a file.
    public static let snapshotLagByteLimit = 256 << 10
    /// Operations that a snapshot may lag behind the head before a new one is made.
    public static let snapshotLagOperations = 1_000
    /// Connections that a server keeps: each costs about 50 kB, one that follows 30.
    public static let connectionLimit = 10_000
    /// Part of a server's connections that one address (of IPv6 one /64) holds at most, 1 in so many: one
    /// alone keeps nobody out.
    public static let addressConnectionShare = 4
    /// Connections that each address may hold however few the server takes: an office behind one address.
    public static let addressConnectionFloor = 100
    /// Bytes of a response that are handed on at a time: what is read ahead for a slow client.
    public static let responseChunkBytes = 256 << 10
    /// Milliseconds between two looks for changes that another process made to the accounts.
    public static let accountsPollMilliseconds: Int64 = 250
    /// Requests of one HTTP/2 connection that are answered at a time, one with an answer of more than 16 kB
    /// until its stream is closed: with a page each, what a client that reads nothing makes the server hold.
    public static let streamsAnsweredAtOnce = 4
    /// Requests to follow that are answered at a time: thousands come together when a server has
    /// restarted, and what answers one weighs as much as the stream. At most half of them are of one workspace.
    public static let followsAnsweredAtOnce = 8
    /// Seconds of requests that may pass before a device's last sign of life is written down.
    public static let lastSeenSeconds: Int64 = 15
    /// Seconds that a server waits for another program that holds one of its files; then it is `unavailable`.
    public static let serverBusySeconds = 10
    /// Seconds that a program waits for another one that writes to the same replica.
    public static let replicaBusySeconds = 30
    /// Milliseconds that a program waits for another one without a word.
    public static let silentWaitMilliseconds = 1000
    /// Milliseconds that who only reads waits for another one to seal what other tools wrote; then it goes on
    /// without.
    public static let readingWaitMilliseconds = 1000
    /// Times that one sync finds others' edits came in while it mended, and mends again.
    public static let lateMendings = 8
    /// Times that one sync asks for records to mend: each mends a bucket at least, and there are so many.
    public static let mendings = 256
    /// Times that one sync takes a new replica id: a new one is nobody else's.
    public static let renamings = 4
    /// Times that one sync starts over from a snapshot: more would be a loop.
    public static let startOverLimit = 2
    /// Times that a replica starts over within an hour: more would be a loop over syncs.
    public static let startOversPerHour = 4
    /// Versions that a compaction keeps unless told otherwise: a team's work of about a year.
    public static let keptVersions: Int64 = 10_000
    /// Versions that a compaction moves in one transaction: others wait some 50 ms for it at most.
    public static let compactionVersions = 500
    /// Bytes of entries that a compaction moves in one transaction.
    public static let compactionByteLimit = 2 << 20
    /// Free pages that a compaction gives back in one transaction.
    public static let compactionPages = 1_000
    /// UTF-8 bytes of a schema's JSON: that of planning takes 18 kB.
    public static let schemaByteLimit = 1 << 20
    /// Bytes from which a body is sent in gzip: below that its frame outweighs it.
    public static let gzipFromBytes = 512
    /// Bytes up to which a body is packed thoroughly: beyond that speed counts more.
    public static let gzipThoroughBytes = 256 << 10
    /// Times its size that a body in gzip may inflate to: what people write stays far below, a bomb
    /// does not.
    public static let inflationRatio = 20
    /// Matches of a search that are ranked: of more the newest come first, since ranking reads them all.
    public static let searchRankLimit = 5_000
    /// Different words of one search: each is looked up at every match.
    public static let searchWordLimit = 64
    /// Characters of the shortest short id: fewer would soon be ambiguous.
    public static let shortIDLength = 4
    /// Records up to which a short id is compared with every other before it is shown.
    public static let shortIDScanLimit: Int64 = 20_000
    /// File handles of one open workspace: its writer's, five readers', and the index of its log.
    public static let fileHandlesEachWorkspace = 14
    /// File handles that a server keeps for accounts, certificates, snapshots and logs.
    public static let reservedFileHandles = 128
}
