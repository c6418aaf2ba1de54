// SPDX-License-Identifier: Apache-2.0

#ifndef TING_CSQLITECONFIG_H
#define TING_CSQLITECONFIG_H

/// Switches the triggers of one SQLite connection on (1) or off (0).
///
/// `connection` is a `sqlite3 *`. Returns SQLite's result code.
/// Source: https://sqlite.org/c3ref/c_dbconfig_defensive.html (SQLITE_DBCONFIG_ENABLE_TRIGGER).
int ting_sqlite_set_triggers(void *connection, int enabled);

/// Forbids (1) or allows (0) what can make a file unreadable, as writing into `sqlite_schema`.
///
/// `connection` is a `sqlite3 *`. Returns SQLite's result code.
/// Source: https://sqlite.org/c3ref/c_dbconfig_defensive.html (SQLITE_DBCONFIG_DEFENSIVE).
int ting_sqlite_set_defensive(void *connection, int enabled);

/// Whether SQLite's default VFS has a file at `path`; an empty one counts as none.
///
/// The file system is not asked: under a simulated disk it has no such file.
int ting_sqlite_exists(const char *path);

/// Puts a file that no connection has open on disk, by SQLite's default VFS. Returns its result code.
int ting_sqlite_sync(const char *path);

/// Deletes a file by SQLite's default VFS. Returns its result code.
int ting_sqlite_delete(const char *path);

/// Lets SQLite keep no account of the memory it takes, for the whole process: for programs, before
/// anything else of SQLite. Reading a schema is a fifth quicker without.
/// Source: https://sqlite.org/c3ref/c_config_covering_index_scan.html (SQLITE_CONFIG_MEMSTATUS).
void ting_sqlite_count_no_memory(void);

/// Lets SQLite keep so many bytes of pages that a savepoint may put back in memory, before they go to a
/// file for temporary things: for programs, before anything else of SQLite. By itself it keeps 64 KiB. The
/// pages go to the file in one piece, of which SQLite writes the part beyond whole 128 KiB alone, and fails
/// with SQLITE_FULL: less than that.
/// Source: https://sqlite.org/c3ref/c_config_covering_index_scan.html (SQLITE_CONFIG_STMTJRNL_SPILL).
void ting_sqlite_keep_savepoints(int bytes);

#endif
