// SPDX-License-Identifier: Apache-2.0

#include "Disk.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/// What is unsynced in one file before the system writes it by itself.
static const int64_t pending_byte_limit = 16 << 20;

struct Disk disk = {.last_name = &disk.names, .time = 1750000000000};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void disk_lock(void) { pthread_mutex_lock(&lock); }

void disk_unlock(void) { pthread_mutex_unlock(&lock); }

uint64_t disk_random(uint64_t *state) {
    uint64_t value = *state += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

// Memory

void *disk_memory(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) abort();
    return memory;
}

void *disk_grown(void *array, int64_t count, int64_t *room, size_t element) {
    if (count < *room) return array;
    *room = *room ? *room * 2 : 16;
    array = realloc(array, (size_t)*room * element);
    if (!array) abort();
    return array;
}

static void bytes_reserve(Bytes *bytes, int64_t size) {
    if (size <= bytes->room) return;
    int64_t room = bytes->room ? bytes->room : 4096;
    while (room < size) room *= 2;
    bytes->at = realloc(bytes->at, (size_t)room);
    if (!bytes->at) abort();
    bytes->room = room;
}

void bytes_resize(Bytes *bytes, int64_t size) {
    bytes_reserve(bytes, size);
    if (size > bytes->size) memset(bytes->at + bytes->size, 0, (size_t)(size - bytes->size));
    bytes->size = size;
}

void bytes_write(Bytes *bytes, const void *data, int64_t length, int64_t offset) {
    if (length <= 0) return;
    if (offset > bytes->size) bytes_resize(bytes, offset);
    bytes_reserve(bytes, offset + length);
    memcpy(bytes->at + offset, data, (size_t)length);
    if (offset + length > bytes->size) bytes->size = offset + length;
}

// Machines

static Machine *machine_named(const char *name, int64_t length) {
    for (Machine *machine = disk.machines; machine; machine = machine->next)
        if (!strncmp(machine->name, name, (size_t)length) && !machine->name[length])
            return machine;
    Machine *machine = disk_memory(sizeof(Machine));
    machine->name = disk_memory((size_t)length + 1);
    memcpy(machine->name, name, (size_t)length);
    machine->references = 1;
    machine->capacity = -1;
    machine->next = disk.machines;
    disk.machines = machine;
    return machine;
}

Machine *machine_of_name(const char *name) {
    return machine_named(name, (int64_t)strlen(name));
}

Machine *machine_of(const char *path) {
    const char *slash = strchr(path, '/');
    return machine_named(path, slash ? slash - path : 0);
}

void machine_release(Machine *machine) {
    if (--machine->references) return;
    free(machine->name);
    free(machine);
}

/// Whether a call can meet a failure at all: nothing but a write notices a full disk.
static int meets(Call call, int code) {
    switch (code & 0xff) {
        case SQLITE_FULL: return call == writing;
        case SQLITE_CANTOPEN: return call == opening;
        default: return 1;
    }
}

static int extended(Call call) {
    switch (call) {
        case opening: return SQLITE_CANTOPEN;
        case reading: return SQLITE_IOERR_READ;
        case writing: return SQLITE_IOERR_WRITE;
        case truncating: return SQLITE_IOERR_TRUNCATE;
        case syncing: return SQLITE_IOERR_FSYNC;
        case deleting: return SQLITE_IOERR_DELETE;
        case mapping: return SQLITE_IOERR_SHMMAP;
    }
    return SQLITE_IOERR;
}

int machine_call(Machine *machine, Call call) {
    machine->calls++;
    machine->recent[machine->calls % remembered] = (uint8_t)call;
    if (machine_is_killed(machine)) return SQLITE_IOERR;
    if (!machine->failures || machine->calls < machine->failure) return SQLITE_OK;
    if (!meets(call, machine->failure_code)) return SQLITE_OK;
    machine->failures--;
    return machine->failure_code == SQLITE_IOERR ? extended(call) : machine->failure_code;
}

int machine_is_killed(const Machine *machine) {
    return machine->kill && machine->calls >= machine->kill;
}

int machine_would_meet(const Machine *machine, int64_t number, int code) {
    if (number <= machine->calls - remembered || number > machine->calls || number < 1) return 1;
    Call call = (Call)machine->recent[number % remembered];
    return code ? meets(call, code) : call != reading && call != mapping;
}

// Names

static Name **bucket_of(const char *path) {
    uint64_t hash = 0xcbf29ce484222325;
    for (; *path; path++) hash = (hash ^ (uint8_t)*path) * 0x100000001b3;
    return &disk.bucket[hash % (sizeof(disk.bucket) / sizeof(disk.bucket[0]))];
}

Name *name_find(const char *path) {
    Name *name = *bucket_of(path);
    while (name && strcmp(name->text, path)) name = name->next_in_bucket;
    return name;
}

Name *name_make(const char *path) {
    Name *name = name_find(path);
    if (name) return name;
    name = disk_memory(sizeof(Name));
    name->text = disk_memory(strlen(path) + 1);
    strcpy(name->text, path);
    const char *slash = strrchr(path, '/');
    name->folder = slash ? (int)(slash - path) : 0;
    name->machine = machine_of(path);
    Name **bucket = bucket_of(path);
    name->next_in_bucket = *bucket;
    *bucket = name;
    *disk.last_name = name;
    disk.last_name = &name->next;
    return name;
}

void name_show(Name *name, File *file) {
    File *old = name->seen;
    if (file) {
        file->references++;
        file->name = name;
        file_account(file);
    }
    name->seen = file;
    if (!old) return;
    old->name = 0;
    file_account(old);
    file_release(old);
}

void name_keep(Name *name) {
    if (name->kept == name->seen) return;
    File *old = name->kept;
    name->kept = name->seen;
    if (name->kept) name->kept->references++;
    if (old) file_release(old);
}

void folder_sync(Name *of) {
    for (Name *name = disk.names; name; name = name->next)
        if (name->folder == of->folder && !strncmp(name->text, of->text, (size_t)of->folder))
            name_keep(name);
}

// Files

File *file_make(Machine *machine, int is_temporary) {
    File *file = disk_memory(sizeof(File));
    file->machine = machine;
    machine->references++;
    file->references = 1;
    file->is_temporary = is_temporary;
    return file;
}

void file_release(File *file) {
    if (--file->references) return;
    machine_release(file->machine);
    free(file->seen.at);
    free(file->kept.at);
    free(file->pending_bytes.at);
    free(file->pending);
    free(file);
}

void file_account(File *file) {
    int is_counted = file->name || file->handles;
    if (is_counted == file->is_counted) return;
    file->is_counted = is_counted;
    file->machine->used += is_counted ? file->seen.size : -file->seen.size;
}

static void remember(File *file, const void *data, int64_t length, int64_t offset) {
    if (file->is_temporary) return;
    file->pending =
        disk_grown(file->pending, file->pending_count, &file->pending_room, sizeof(Change));
    file->pending[file->pending_count++] =
        (Change){++disk.changes, offset, length, file->pending_bytes.size};
    bytes_write(&file->pending_bytes, data, length, file->pending_bytes.size);
    if (file->pending_bytes.size > pending_byte_limit) file_keep(file);
}

int file_write(File *file, const void *data, int64_t length, int64_t offset) {
    Machine *machine = file->machine;
    int code = SQLITE_OK;
    int64_t growth = offset + length - file->seen.size;
    if (growth > 0 && machine->capacity >= 0 && machine->used + growth > machine->capacity) {
        int64_t fits = length - (machine->used + growth - machine->capacity);
        length = fits > 0 ? fits - fits % sector : 0;
        code = SQLITE_FULL;
    }
    if (length <= 0) return code;
    int64_t old = file->seen.size;
    bytes_write(&file->seen, data, length, offset);
    machine->used += file->seen.size - old;
    remember(file, data, length, offset);
    return code;
}

void file_truncate(File *file, int64_t size) {
    file->machine->used += size - file->seen.size;
    bytes_resize(&file->seen, size);
    remember(file, 0, -1, size);
}

static void carry_out(File *file, const Change *change) {
    if (change->length < 0)
        bytes_resize(&file->kept, change->offset);
    else
        bytes_write(
            &file->kept, file->pending_bytes.at + change->start, change->length, change->offset);
}

static void forget_pending(File *file) {
    file->pending_count = 0;
    file->pending_bytes.size = 0;
}

void file_keep(File *file) {
    for (int64_t i = 0; i < file->pending_count; i++) carry_out(file, &file->pending[i]);
    forget_pending(file);
}

void file_lose(File *file) {
    for (int64_t i = 0; i < file->pending_count; i++)
        if (disk_random(&disk.fault_randomness) & 1) carry_out(file, &file->pending[i]);
    forget_pending(file);
}
