// SPDX-License-Identifier: Apache-2.0

#include "CSQLiteConfig.h"
#include <sqlite3.h>

int ting_sqlite_set_triggers(void *connection, int enabled) {
    return sqlite3_db_config((sqlite3 *)connection, SQLITE_DBCONFIG_ENABLE_TRIGGER, enabled, 0);
}

int ting_sqlite_exists(const char *path) {
    sqlite3_vfs *vfs = sqlite3_initialize() == SQLITE_OK ? sqlite3_vfs_find(0) : 0;
    int is_there = 0;
    if (!vfs || vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &is_there) != SQLITE_OK) return 0;
    return is_there;
}
