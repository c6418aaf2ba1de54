// SPDX-License-Identifier: Apache-2.0

#include "CSimulatedDisk.h"
#include "Disk.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

void ting_disk_reset(uint64_t seed) {
    disk_lock();
    for (Name *name = disk.names; name;) {
        Name *next = name->next;
        name_show(name, 0);
        name_keep(name);
        free(name->text);
        free(name);
        name = next;
    }
    for (Machine *machine = disk.machines; machine;) {
        Machine *next = machine->next;
        machine_release(machine);
        machine = next;
    }
    disk = (struct Disk){
        .last_name = &disk.names, .time = 1750000000000, .generation = disk.generation + 1};
    disk.sqlite_randomness = seed;
    disk.fault_randomness = ~seed;
    disk_unlock();
    // Forgets the state of SQLite's generator, which asks the default VFS for another seed.
    sqlite3_randomness(0, 0);
}

void ting_disk_seed(uint64_t seed) {
    disk_lock();
    disk.sqlite_randomness = seed;
    disk.fault_randomness = ~seed;
    disk_unlock();
    sqlite3_randomness(0, 0);
}

void ting_disk_set_time(int64_t milliseconds) {
    disk_lock();
    disk.time = milliseconds;
    disk_unlock();
}

// Machines

int64_t ting_disk_calls(const char *machine) {
    disk_lock();
    int64_t calls = machine_of_name(machine)->calls;
    disk_unlock();
    return calls;
}

void ting_disk_fail(const char *name, int64_t n, int code, int times) {
    disk_lock();
    Machine *machine = machine_of_name(name);
    machine->failure = machine->calls + n;
    machine->failure_code = code;
    machine->failures = times;
    disk_unlock();
}

int ting_disk_would_meet(const char *machine, int64_t number, int code) {
    disk_lock();
    int meets = machine_would_meet(machine_of_name(machine), number, code);
    disk_unlock();
    return meets;
}

int ting_disk_failures_left(const char *machine) {
    disk_lock();
    int left = machine_of_name(machine)->failures;
    disk_unlock();
    return left;
}

void ting_disk_kill(const char *name, int64_t n) {
    disk_lock();
    Machine *machine = machine_of_name(name);
    machine->kill = machine->calls + n;
    disk_unlock();
}

int ting_disk_is_killed(const char *name) {
    disk_lock();
    int is_killed = machine_is_killed(machine_of_name(name));
    disk_unlock();
    return is_killed;
}

void ting_disk_revive(const char *name) {
    disk_lock();
    Machine *machine = machine_of_name(name);
    machine->kill = 0;
    machine->failures = 0;
    disk_unlock();
}

void ting_disk_set_capacity(const char *machine, int64_t bytes) {
    disk_lock();
    machine_of_name(machine)->capacity = bytes;
    disk_unlock();
}

int64_t ting_disk_used(const char *machine) {
    disk_lock();
    int64_t used = machine_of_name(machine)->used;
    disk_unlock();
    return used;
}

void ting_disk_ignore_sync(const char *machine, int on) {
    disk_lock();
    machine_of_name(machine)->ignores_sync = on;
    disk_unlock();
}

// Files

static File *seen(const char *path) {
    Name *name = name_find(path);
    return name ? name->seen : 0;
}

/// Lets a name mean a file for good.
static void place(const char *path, File *file) {
    Name *name = file ? name_make(path) : name_find(path);
    if (!name) return;
    name_show(name, file);
    name_keep(name);
}

static void copy(const char *from, const char *to) {
    File *file = seen(from);
    if (!file) return place(to, 0);
    File *made = file_make(machine_of(to), 0);
    bytes_write(&made->seen, file->seen.at, file->seen.size, 0);
    bytes_write(&made->kept, file->seen.at, file->seen.size, 0);
    place(to, made);
    file_release(made);
}

int ting_disk_copy(const char *from, const char *to) {
    static const char *const suffixes[] = {"", "-wal", "-journal"};
    disk_lock();
    int code = seen(from) ? SQLITE_OK : SQLITE_NOTFOUND;
    for (int i = 0; i < 3 && code == SQLITE_OK && strcmp(from, to); i++) {
        char *source = sqlite3_mprintf("%s%s", from, suffixes[i]);
        char *target = sqlite3_mprintf("%s%s", to, suffixes[i]);
        if (!source || !target) abort();
        copy(source, target);
        sqlite3_free(source);
        sqlite3_free(target);
    }
    disk_unlock();
    return code;
}

int ting_disk_rename(const char *from, const char *to) {
    disk_lock();
    File *file = seen(from);
    int code = file && file->machine == machine_of(to) ? SQLITE_OK : SQLITE_NOTFOUND;
    if (code == SQLITE_OK && strcmp(from, to)) {
        file->references++;
        place(from, 0);
        place(to, file);
        file_release(file);
    }
    disk_unlock();
    return code;
}

int ting_disk_exists(const char *name) { return ting_disk_size(name) >= 0; }

int ting_disk_delete(const char *name) {
    disk_lock();
    int code = seen(name) ? SQLITE_OK : SQLITE_NOTFOUND;
    place(name, 0);
    disk_unlock();
    return code;
}

int64_t ting_disk_size(const char *name) {
    disk_lock();
    File *file = seen(name);
    int64_t size = file ? file->seen.size : -1;
    disk_unlock();
    return size;
}

int ting_disk_flip(const char *name, int64_t bit) {
    disk_lock();
    File *file = seen(name);
    int code = file && bit >= 0 && bit / 8 < file->seen.size ? SQLITE_OK : SQLITE_NOTFOUND;
    if (code == SQLITE_OK) {
        // What is pending would write the bit again.
        file_keep(file);
        file->seen.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (bit / 8 < file->kept.size) file->kept.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    disk_unlock();
    return code;
}

int ting_disk_zero(const char *name, int64_t offset, int64_t length) {
    disk_lock();
    File *file = seen(name);
    int code = file && offset >= 0 && length >= 0 && offset + length <= file->seen.size
        ? SQLITE_OK : SQLITE_NOTFOUND;
    if (code == SQLITE_OK) {
        file_keep(file);
        memset(file->seen.at + offset, 0, (size_t)length);
        if (offset + length <= file->kept.size) memset(file->kept.at + offset, 0, (size_t)length);
    }
    disk_unlock();
    return code;
}

int ting_disk_cut(const char *name, int64_t size) {
    disk_lock();
    File *file = seen(name);
    int code = file && size >= 0 && size <= file->seen.size ? SQLITE_OK : SQLITE_NOTFOUND;
    if (code == SQLITE_OK) {
        file_truncate(file, size);
        file_keep(file);
    }
    disk_unlock();
    return code;
}

void ting_disk_clear(const char *machine) {
    disk_lock();
    Machine *of = machine_of_name(machine);
    for (Name *name = disk.names; name; name = name->next) {
        if (name->machine != of) continue;
        name_show(name, 0);
        name_keep(name);
    }
    disk_unlock();
}

uint64_t ting_disk_hash(const char *name) {
    disk_lock();
    File *file = seen(name);
    uint64_t hash = 0;
    if (file) {
        hash = 0xcbf29ce484222325 ^ (uint64_t)file->seen.size;
        int64_t at = 0;
        for (uint64_t word; at + 8 <= file->seen.size; at += 8) {
            memcpy(&word, file->seen.at + at, 8);
            hash = (hash ^ word) * 0x9e3779b97f4a7c15;
            hash ^= hash >> 32;
        }
        for (; at < file->seen.size; at++)
            hash = (hash ^ file->seen.at[at]) * 0x100000001b3;
        if (!hash) hash = 1;
    }
    disk_unlock();
    return hash;
}
