// SPDX-License-Identifier: Apache-2.0

#include "CSimulatedDisk.h"
#include "Disk.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/// What SQLite sees of the disk: https://sqlite.org/c3ref/vfs.html and
/// https://sqlite.org/c3ref/io_methods.html. Locks follow SQLite's own `os_unix.c`.

/// The years from the Julian epoch to 1970, in milliseconds.
static const int64_t julian_offset = 210866760000000;

/// A file handle of SQLite.
struct Open {
    sqlite3_file base;
    File *file;
    int level;
    int is_read_only;
    /// The first sync of a new journal or WAL syncs its folder.
    int syncs_folder;
    int uses_memory;
    unsigned shared;
    unsigned exclusive;
};

/// The machine that this thread used last: SQLite doesn't say whose temporary files it opens.
static _Thread_local Machine *recent;
static _Thread_local uint64_t recent_generation;

static Machine *used(Machine *machine) {
    recent = machine;
    recent_generation = disk.generation;
    return machine;
}

static Machine *used_last(void) {
    return recent && recent_generation == disk.generation ? recent : machine_of_name("");
}

/// Counts a fallible call on an open file.
static int call_on(Open *open, Call call) {
    Machine *machine = open->file->machine;
    // Without a name it is temporary, or outlived a reset, and its machine with it.
    if (open->file->name) used(machine);
    return machine_call(machine, call);
}

static File *file_of(sqlite3_file *file) { return ((Open *)file)->file; }

// Reading and writing

static int disk_read(sqlite3_file *handle, void *into, int length, sqlite3_int64 offset) {
    disk_lock();
    int code = call_on((Open *)handle, reading);
    if (code == SQLITE_OK) {
        Bytes *bytes = &file_of(handle)->seen;
        int64_t there = bytes->size - offset;
        if (there < 0) there = 0;
        if (there > length) there = length;
        if (there) memcpy(into, bytes->at + offset, (size_t)there);
        if (there < length) {
            memset((uint8_t *)into + there, 0, (size_t)(length - there));
            code = SQLITE_IOERR_SHORT_READ;
        }
    }
    disk_unlock();
    return code;
}

/// Writes some of the sectors, never all, before it fails.
static void write_part(Open *open, const void *data, int length, int64_t offset) {
    if (machine_is_killed(open->file->machine)) return;
    int64_t sectors = (length + sector - 1) / sector;
    int64_t part = (int64_t)(disk_random(&disk.fault_randomness) % (uint64_t)(sectors ? sectors : 1));
    file_write(open->file, data, part * sector, offset);
}

static int disk_write(sqlite3_file *handle, const void *data, int length, sqlite3_int64 offset) {
    Open *open = (Open *)handle;
    disk_lock();
    int code = open->is_read_only ? SQLITE_IOERR_WRITE : call_on(open, writing);
    if (code == SQLITE_OK)
        code = file_write(open->file, data, length, offset);
    else if (!open->is_read_only)
        write_part(open, data, length, offset);
    disk_unlock();
    return code;
}

static int disk_truncate(sqlite3_file *handle, sqlite3_int64 size) {
    disk_lock();
    int code = call_on((Open *)handle, truncating);
    if (code == SQLITE_OK && size != file_of(handle)->seen.size)
        file_truncate(file_of(handle), size);
    disk_unlock();
    return code;
}

static int disk_sync(sqlite3_file *handle, int flags) {
    (void)flags;
    Open *open = (Open *)handle;
    disk_lock();
    Machine *machine = open->file->machine;
    int code = call_on(open, syncing);
    if (code != SQLITE_OK) {
        if (!machine_is_killed(machine)) file_lose(open->file);
    } else if (!machine->ignores_sync) {
        file_keep(open->file);
        Name *name = open->file->name;
        if (name) name_keep(name);
        if (name && open->syncs_folder) folder_sync(name);
        open->syncs_folder = 0;
    }
    disk_unlock();
    return code;
}

static int disk_size(sqlite3_file *handle, sqlite3_int64 *size) {
    disk_lock();
    *size = file_of(handle)->seen.size;
    disk_unlock();
    return SQLITE_OK;
}

// Locks

static int disk_take(sqlite3_file *handle, int level) {
    Open *open = (Open *)handle;
    disk_lock();
    File *file = open->file;
    int code = SQLITE_OK;
    if (open->level >= level) {
        // Held already.
    } else if (level == SQLITE_LOCK_SHARED) {
        if (file->writer && file->writer->level >= SQLITE_LOCK_PENDING) {
            code = SQLITE_BUSY;
        } else {
            file->readers++;
            open->level = level;
        }
    } else if (file->writer && file->writer != open) {
        code = SQLITE_BUSY;
    } else {
        file->writer = open;
        if (level == SQLITE_LOCK_EXCLUSIVE && file->readers > 1) {
            // Keeps new readers out until the others are gone.
            level = SQLITE_LOCK_PENDING;
            code = SQLITE_BUSY;
        }
        open->level = level;
    }
    disk_unlock();
    return code;
}

static void give_back(Open *open, int level) {
    File *file = open->file;
    if (open->level <= level) return;
    if (file->writer == open) file->writer = 0;
    if (level == SQLITE_LOCK_NONE) file->readers--;
    open->level = level;
}

static int disk_give_back(sqlite3_file *handle, int level) {
    disk_lock();
    give_back((Open *)handle, level);
    disk_unlock();
    return SQLITE_OK;
}

static int disk_is_reserved(sqlite3_file *handle, int *is_reserved) {
    disk_lock();
    *is_reserved = file_of(handle)->writer != 0;
    disk_unlock();
    return SQLITE_OK;
}

// Shared memory

static int disk_map(sqlite3_file *handle, int region, int size, int extend, void volatile **at) {
    Open *open = (Open *)handle;
    disk_lock();
    *at = 0;
    int code = call_on(open, mapping);
    if (code == SQLITE_OK) {
        if (!open->file->memory) open->file->memory = disk_memory(sizeof(SharedMemory));
        SharedMemory *memory = open->file->memory;
        if (!open->uses_memory) {
            open->uses_memory = 1;
            memory->users++;
        }
        if (region >= memory->regions && extend) {
            memory->region =
                realloc(memory->region, (size_t)(region + 1) * sizeof(*memory->region));
            if (!memory->region) abort();
            while (memory->regions <= region)
                memory->region[memory->regions++] = disk_memory((size_t)size);
        }
        if (region < memory->regions) *at = memory->region[region];
    }
    disk_unlock();
    return code;
}

static void give_back_slot(Open *open, int slot) {
    SharedMemory *memory = open->file->memory;
    unsigned bit = 1u << slot;
    if (open->shared & bit) memory->shared[slot]--;
    if (open->exclusive & bit) memory->exclusive[slot] = 0;
    open->shared &= ~bit;
    open->exclusive &= ~bit;
}

static int is_taken(Open *open, int slot, int exclusively) {
    SharedMemory *memory = open->file->memory;
    Open *owner = memory->exclusive[slot];
    if (owner && owner != open) return 1;
    int others = memory->shared[slot] - (open->shared >> slot & 1);
    return exclusively && others > 0;
}

static void take_slot(Open *open, int slot, int exclusively) {
    SharedMemory *memory = open->file->memory;
    unsigned bit = 1u << slot;
    if (exclusively) {
        memory->exclusive[slot] = open;
        open->exclusive |= bit;
    } else if (!(open->shared & bit)) {
        memory->shared[slot]++;
        open->shared |= bit;
    }
}

static int disk_lock_memory(sqlite3_file *handle, int first, int count, int flags) {
    Open *open = (Open *)handle;
    disk_lock();
    // A transaction begins with a lock, and may need nothing else of the disk before a temporary file.
    if (open->file->name) used(open->file->machine);
    int code = open->uses_memory ? SQLITE_OK : SQLITE_IOERR_SHMLOCK;
    int exclusively = flags & SQLITE_SHM_EXCLUSIVE;
    for (int slot = first; slot < first + count && code == SQLITE_OK; slot++) {
        if (flags & SQLITE_SHM_UNLOCK)
            give_back_slot(open, slot);
        else if (is_taken(open, slot, exclusively))
            code = SQLITE_BUSY;
    }
    if (code == SQLITE_OK && flags & SQLITE_SHM_LOCK)
        for (int slot = first; slot < first + count; slot++) take_slot(open, slot, exclusively);
    disk_unlock();
    return code;
}

static void disk_barrier(sqlite3_file *handle) {
    (void)handle;
    __sync_synchronize();
    disk_lock();
    disk_unlock();
}

static void unmap(Open *open) {
    SharedMemory *memory = open->file->memory;
    if (!open->uses_memory) return;
    for (int slot = 0; slot < 8; slot++) give_back_slot(open, slot);
    open->uses_memory = 0;
    if (--memory->users) return;
    // The next one to come rebuilds it from the WAL, as after a crash.
    for (int region = 0; region < memory->regions; region++) free(memory->region[region]);
    free(memory->region);
    free(memory);
    open->file->memory = 0;
}

static int disk_unmap(sqlite3_file *handle, int is_deleted) {
    (void)is_deleted;
    disk_lock();
    unmap((Open *)handle);
    disk_unlock();
    return SQLITE_OK;
}

// What the disk is like

static int disk_control(sqlite3_file *handle, int operation, void *argument) {
    Open *open = (Open *)handle;
    switch (operation) {
        case SQLITE_FCNTL_LOCKSTATE: *(int *)argument = open->level; return SQLITE_OK;
        case SQLITE_FCNTL_VFSNAME:
            *(char **)argument = sqlite3_mprintf("ting-disk");
            return SQLITE_OK;
        case SQLITE_FCNTL_HAS_MOVED:
            disk_lock();
            *(int *)argument = !open->file->is_temporary && !open->file->name;
            disk_unlock();
            return SQLITE_OK;
        default: return SQLITE_NOTFOUND;
    }
}

static int disk_sector_size(sqlite3_file *handle) {
    (void)handle;
    return 4096;
}

/// A power cut spares the bytes beside those that were being written, as SQLite's VFS for Unix
/// supposes.
static int disk_characteristics(sqlite3_file *handle) {
    (void)handle;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int disk_close(sqlite3_file *handle) {
    Open *open = (Open *)handle;
    disk_lock();
    unmap(open);
    give_back(open, SQLITE_LOCK_NONE);
    open->file->machine->open--;
    open->file->handles--;
    file_account(open->file);
    file_release(open->file);
    disk_unlock();
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = disk_close,
    .xRead = disk_read,
    .xWrite = disk_write,
    .xTruncate = disk_truncate,
    .xSync = disk_sync,
    .xFileSize = disk_size,
    .xLock = disk_take,
    .xUnlock = disk_give_back,
    .xCheckReservedLock = disk_is_reserved,
    .xFileControl = disk_control,
    .xSectorSize = disk_sector_size,
    .xDeviceCharacteristics = disk_characteristics,
    .xShmMap = disk_map,
    .xShmLock = disk_lock_memory,
    .xShmBarrier = disk_barrier,
    .xShmUnmap = disk_unmap,
};

// Names

/// The file of a name, made if need be, with a reference for the handle.
static int open_named(const char *path, int flags, File **file) {
    Machine *machine = used(machine_of(path));
    int code = machine_call(machine, opening);
    if (code != SQLITE_OK) return code;
    Name *name = name_make(path);
    if (name->seen && flags & SQLITE_OPEN_EXCLUSIVE) return SQLITE_CANTOPEN;
    if (name->seen) {
        name->seen->references++;
    } else {
        if (!(flags & SQLITE_OPEN_CREATE)) return SQLITE_CANTOPEN;
        name_show(name, file_make(machine, 0));
    }
    *file = name->seen;
    return SQLITE_OK;
}

static int open_temporary(File **file) {
    Machine *machine = used_last();
    int code = machine_call(machine, opening);
    if (code == SQLITE_OK) *file = file_make(machine, 1);
    return code;
}

static int disk_open(
    sqlite3_vfs *vfs, const char *path, sqlite3_file *handle, int flags, int *flags_out
) {
    (void)vfs;
    Open *open = (Open *)handle;
    memset(open, 0, sizeof(Open));
    disk_lock();
    File *file = 0;
    int is_temporary = !path || flags & SQLITE_OPEN_DELETEONCLOSE;
    Name *name = is_temporary ? 0 : name_find(path);
    int is_new = !name || !name->seen;
    int code = is_temporary ? open_temporary(&file) : open_named(path, flags, &file);
    if (code == SQLITE_OK) {
        file->machine->open++;
        file->handles++;
        file_account(file);
        open->base.pMethods = &methods;
        open->file = file;
        open->is_read_only = !(flags & SQLITE_OPEN_READWRITE);
        open->syncs_folder = is_new
            && flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL);
        if (flags_out) *flags_out = flags;
    }
    disk_unlock();
    return code;
}

static int disk_delete(sqlite3_vfs *vfs, const char *path, int syncs_folder) {
    (void)vfs;
    disk_lock();
    Machine *machine = used(machine_of(path));
    int code = machine_call(machine, deleting);
    Name *name = name_find(path);
    if (code == SQLITE_OK && !(name && name->seen)) code = SQLITE_IOERR_DELETE_NOENT;
    if (code == SQLITE_OK) {
        name_show(name, 0);
        if (syncs_folder && !machine->ignores_sync) folder_sync(name);
    }
    disk_unlock();
    return code;
}

static int disk_access(sqlite3_vfs *vfs, const char *path, int flags, int *is_there) {
    (void)vfs;
    disk_lock();
    Name *name = name_find(path);
    // SQLite's VFS for Unix, too, takes an empty file for none when asked whether it exists.
    *is_there = name && name->seen && (flags != SQLITE_ACCESS_EXISTS || name->seen->seen.size);
    disk_unlock();
    return SQLITE_OK;
}

static int disk_full_path(sqlite3_vfs *vfs, const char *path, int room, char *into) {
    (void)vfs;
    if ((int)strlen(path) >= room) return SQLITE_CANTOPEN;
    strcpy(into, path);
    return SQLITE_OK;
}

// Time and randomness

static int disk_randomness(sqlite3_vfs *vfs, int length, char *into) {
    (void)vfs;
    disk_lock();
    for (int i = 0; i < length; i++) into[i] = (char)disk_random(&disk.sqlite_randomness);
    disk_unlock();
    return length;
}

static int disk_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return microseconds;
}

static int disk_milliseconds(sqlite3_vfs *vfs, sqlite3_int64 *now) {
    (void)vfs;
    disk_lock();
    *now = disk.time + julian_offset;
    disk_unlock();
    return SQLITE_OK;
}

static int disk_days(sqlite3_vfs *vfs, double *now) {
    sqlite3_int64 milliseconds;
    disk_milliseconds(vfs, &milliseconds);
    *now = (double)milliseconds / 86400000;
    return SQLITE_OK;
}

static int disk_last_error(sqlite3_vfs *vfs, int room, char *into) {
    (void)vfs;
    if (room) *into = 0;
    return SQLITE_OK;
}

int ting_disk_install(int make_default) {
    static sqlite3_vfs vfs = {
        .iVersion = 2,
        .szOsFile = sizeof(Open),
        .mxPathname = 512,
        .zName = "ting-disk",
        .xOpen = disk_open,
        .xDelete = disk_delete,
        .xAccess = disk_access,
        .xFullPathname = disk_full_path,
        .xRandomness = disk_randomness,
        .xSleep = disk_sleep,
        .xCurrentTime = disk_days,
        .xGetLastError = disk_last_error,
        .xCurrentTimeInt64 = disk_milliseconds,
    };
    return sqlite3_vfs_register(&vfs, make_default);
}
