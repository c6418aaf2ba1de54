// SPDX-License-Identifier: Apache-2.0

#ifndef TING_CSIMULATEDDISK_H
#define TING_CSIMULATEDDISK_H

#include <stdint.h>

/// A disk in memory, under SQLite: a VFS named `ting-disk` whose faults are asked for and repeat.
///
/// Files are named `machine/path`. The part before the first `/` names the machine whose disk holds
/// the file; faults, kills, power cuts and capacity belong to a machine, which comes to be when it
/// is first named. One process has one such disk. All calls may come from any thread; the same
/// calls in the same order give the same bytes.
///
/// *Fallible calls* are the VFS's open, read, write, truncate, sync, delete and shm map. They are
/// counted for each machine, and only they can fail. A temporary file without a name belongs to the
/// machine that the same thread used last.
///
/// What is written is seen at once by all, and kept through a power cut once the file was synced.
/// A file's first sync keeps its name, too, as on ext4, XFS and Btrfs. The first sync of a journal
/// or WAL, and a delete that asks for it, sync the folder, as SQLite's VFS for Unix does. What is
/// unsynced goes to the disk by itself after 16 MiB in one file.
///
/// Result codes are SQLite's: 0 is SQLITE_OK.
/// - SeeAlso: https://sqlite.org/vfs.html, https://sqlite.org/atomiccommit.html

/// Registers the VFS `ting-disk`; with `make_default`, as the one that SQLite uses if none is named,
/// and takes time and randomness from. Calling it again may change that, but doesn't touch files.
int ting_disk_install(int make_default);

/// Forgets all files and machines, and starts all randomness again from `seed`: SQLite's, if the
/// VFS is the default one, and that of the faults. Files still open go on, seen by nobody else.
void ting_disk_reset(uint64_t seed);

/// Starts all randomness again from `seed`, and leaves files as they are.
void ting_disk_seed(uint64_t seed);

/// Sets the clock: milliseconds since 1970. It stands still otherwise, also while SQLite sleeps.
void ting_disk_set_time(int64_t milliseconds);

// Machines

/// How many fallible calls a machine's disk has had since it came to be.
int64_t ting_disk_calls(const char *machine);

/// Lets the n-th fallible call from now fail (1 is the next), and the ones after it: `times` in all.
///
/// `code` is a result code of SQLite. SQLITE_IOERR becomes the extended code of the call that it
/// meets. SQLITE_FULL passes over what needs no space and meets the first write; SQLITE_CANTOPEN
/// meets the first open. A write that fails leaves some of its sectors written. A sync that fails
/// loses some of what it should have kept for good, as on Linux: a later sync doesn't bring it back.
/// In WAL mode SQLite rolls back a transaction whose sync failed and leaves it whole in the WAL:
/// until another one is written over it, it may come back when the process ends.
/// Replaces an earlier order; `times` 0 takes it back.
void ting_disk_fail(const char *machine, int64_t n, int code, int times);

/// Whether a call that was, by its number as `ting_disk_calls` counts, could have met a failure of
/// this code; with 0, whether it changed the disk. Calls long ago count as if they could.
int ting_disk_would_meet(const char *machine, int64_t number, int code);

/// How many of the failures ordered with `ting_disk_fail` have not happened yet.
int ting_disk_failures_left(const char *machine);

/// Kills the machine's processes at the n-th fallible call from now (1 is the next): it and all
/// after it fail with SQLITE_IOERR and do nothing, until the machine is revived. Connections can be
/// closed meanwhile: locks go, and nothing is written. Nothing unsynced is lost by it.
void ting_disk_kill(const char *machine, int64_t n);

/// Whether the machine has met its kill.
int ting_disk_is_killed(const char *machine);

/// Ends a kill, and takes back ordered failures.
void ting_disk_revive(const char *machine);

/// Cuts the machine's power: keeps what was synced and, by `seed`, none, all, the first part or any
/// subset of the rest. Unsynced writes are kept by sectors of 512 bytes, of which some are torn:
/// part new, part garbage, part old. Truncated, created and deleted files may or may not be so.
///
/// Close the machine's connections first (after a kill, so that they write nothing): with an open
/// file it does nothing and returns SQLITE_BUSY.
int ting_disk_power_cut(const char *machine, uint64_t seed);

/// Limits the sum of the machine's file sizes; -1 lifts the limit. A write past it writes the
/// sectors that fit and fails with SQLITE_FULL.
void ting_disk_set_capacity(const char *machine, int64_t bytes);

/// The sum of the machine's file sizes, with temporary files and files that are deleted but open.
int64_t ting_disk_used(const char *machine);

/// Lets the machine's disk answer to a sync without keeping anything: a bug for a test to find.
void ting_disk_ignore_sync(const char *machine, int on);

// Files

/// Copies a file as it is seen, with its -wal and -journal if there are any; what was under the new
/// names is gone. The copies count as synced. SQLITE_NOTFOUND without such a file.
int ting_disk_copy(const char *from, const char *to);

/// Gives a file another name on its machine, in place of what had it, for good; a -wal or -journal
/// stays where it is. SQLITE_NOTFOUND without such a file.
int ting_disk_rename(const char *from, const char *to);

/// Whether there is a file of this name.
int ting_disk_exists(const char *name);

/// Deletes one file for good. Who has it open keeps it. SQLITE_NOTFOUND without such a file.
int ting_disk_delete(const char *name);

/// The size of a file in bytes, or -1.
int64_t ting_disk_size(const char *name);

/// Turns one bit of a file, which counts as synced then. SQLITE_NOTFOUND past the end.
int ting_disk_flip(const char *name, int64_t bit);

/// Fills part of a file with zeros, which count as synced then. SQLITE_NOTFOUND past the end.
int ting_disk_zero(const char *name, int64_t offset, int64_t length);

/// Cuts a file to a size, for good. SQLITE_NOTFOUND past the end.
int ting_disk_cut(const char *name, int64_t size);

/// Deletes all files of a machine for good. Who has one open keeps it.
void ting_disk_clear(const char *machine);

/// A number that two files share if and (all but surely) only if they have the same bytes; 0
/// without such a file.
uint64_t ting_disk_hash(const char *name);

#endif
