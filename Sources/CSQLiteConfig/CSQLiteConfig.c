// SPDX-License-Identifier: Apache-2.0

#include "CSQLiteConfig.h"
#include <sqlite3.h>

int ting_sqlite_set_triggers(void *connection, int enabled) {
    return sqlite3_db_config((sqlite3 *)connection, SQLITE_DBCONFIG_ENABLE_TRIGGER, enabled, 0);
}
