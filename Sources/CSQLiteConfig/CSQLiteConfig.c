// SPDX-License-Identifier: Apache-2.0

#include "CSQLiteConfig.h"
#include <sqlite3.h>
#include <string.h>

int ting_sqlite_set_triggers(void *connection, int enabled) {
    return sqlite3_db_config((sqlite3 *)connection, SQLITE_DBCONFIG_ENABLE_TRIGGER, enabled, 0);
}

int ting_sqlite_set_defensive(void *connection, int enabled) {
    return sqlite3_db_config((sqlite3 *)connection, SQLITE_DBCONFIG_DEFENSIVE, enabled, 0);
}

int ting_sqlite_exists(const char *path) {
    sqlite3_vfs *vfs = sqlite3_initialize() == SQLITE_OK ? sqlite3_vfs_find(0) : 0;
    int is_there = 0;
    if (!vfs || vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &is_there) != SQLITE_OK) return 0;
    return is_there;
}

int ting_sqlite_sync(const char *path) {
    sqlite3_vfs *vfs = sqlite3_initialize() == SQLITE_OK ? sqlite3_vfs_find(0) : 0;
    if (!vfs) return SQLITE_ERROR;
    // A main database's name ends in two zeros more: where its URI parameters would be.
    size_t length = strlen(path);
    char *name = sqlite3_malloc64(length + 4);
    sqlite3_file *file = sqlite3_malloc64((sqlite3_uint64)vfs->szOsFile);
    int code = name && file ? SQLITE_OK : SQLITE_NOMEM;
    if (code == SQLITE_OK) {
        memset(name, 0, length + 4);
        memcpy(name, path, length);
        memset(file, 0, (size_t)vfs->szOsFile);
        int flags = 0;
        code = vfs->xOpen(vfs, name, file, SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE, &flags);
        if (code == SQLITE_OK) code = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
        if (file->pMethods) file->pMethods->xClose(file);
    }
    sqlite3_free(file);
    sqlite3_free(name);
    return code;
}

int ting_sqlite_delete(const char *path) {
    sqlite3_vfs *vfs = sqlite3_initialize() == SQLITE_OK ? sqlite3_vfs_find(0) : 0;
    return vfs ? vfs->xDelete(vfs, path, 1) : SQLITE_ERROR;
}

void ting_sqlite_count_no_memory(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

void ting_sqlite_keep_savepoints(int bytes) { sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, bytes); }
