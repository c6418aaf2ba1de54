// SPDX-License-Identifier: Apache-2.0

#ifndef TING_DISK_H
#define TING_DISK_H

#include <stddef.h>
#include <stdint.h>

/// The model under the VFS: machines, names, files. Every function here wants the disk locked.

enum { sector = 512, remembered = 1 << 16 };

typedef struct Machine Machine;
typedef struct Name Name;
typedef struct File File;
typedef struct Open Open;

/// What a fallible call does.
typedef enum { opening, reading, writing, truncating, syncing, deleting, mapping } Call;

struct Machine {
    Machine *next;
    char *name;
    /// The disk's list and the machine's files.
    int references;
    int open;
    int64_t calls;
    /// The call at which it is killed; 0 for none.
    int64_t kill;
    int64_t failure;
    int failure_code;
    int failures;
    /// -1 for none.
    int64_t capacity;
    int64_t used;
    int ignores_sync;
    /// What the last calls were, each in the place of its number.
    uint8_t recent[remembered];
};

typedef struct {
    uint8_t *at;
    int64_t size;
    int64_t room;
} Bytes;

/// A write or truncation that was not synced.
typedef struct {
    /// Counts all changes of the disk.
    uint64_t number;
    int64_t offset;
    /// -1 for a truncation to `offset`.
    int64_t length;
    /// Where the bytes written begin in the file's `pending_bytes`.
    int64_t start;
} Change;

/// The 8 locks that connections in WAL mode hold, and the memory they share.
typedef struct {
    int users;
    int regions;
    void **region;
    int shared[8];
    Open *exclusive[8];
} SharedMemory;

struct File {
    Machine *machine;
    /// Names, present and kept, and handles.
    int references;
    /// Under which it is seen, or none: it is temporary or deleted.
    Name *name;
    int handles;
    /// Whether its size counts as used: it has a name or a handle.
    int is_counted;
    Bytes seen;
    Bytes kept;
    int is_temporary;
    Change *pending;
    int64_t pending_count;
    int64_t pending_room;
    Bytes pending_bytes;
    /// Handles with SHARED or more.
    int readers;
    /// The handle with RESERVED or more.
    Open *writer;
    SharedMemory *memory;
};

/// A name, and the files that it means now and after a power cut: none, one, or two.
struct Name {
    Name *next;
    Name *next_in_bucket;
    char *text;
    /// How much of `text` is the folder.
    int folder;
    Machine *machine;
    File *seen;
    File *kept;
};

/// The whole disk of the process.
extern struct Disk {
    Machine *machines;
    /// In the order of their first use.
    Name *names;
    Name **last_name;
    Name *bucket[1024];
    uint64_t changes;
    /// Counts resets.
    uint64_t generation;
    int64_t time;
    uint64_t sqlite_randomness;
    uint64_t fault_randomness;
} disk;

void disk_lock(void);
void disk_unlock(void);

/// The next number of a seeded generator (SplitMix64).
uint64_t disk_random(uint64_t *state);

/// Memory filled with zeros. A simulation without memory ends here.
void *disk_memory(size_t size);

/// Makes room for at least one element more.
void *disk_grown(void *array, int64_t count, int64_t *room, size_t element);

void bytes_write(Bytes *bytes, const void *data, int64_t length, int64_t offset);
void bytes_resize(Bytes *bytes, int64_t size);

/// The machine with this name, which comes to be if there is none.
Machine *machine_of_name(const char *name);

/// The machine whose disk holds a file of this name.
Machine *machine_of(const char *path);

void machine_release(Machine *machine);

/// Counts a fallible call. Returns the code it must fail with, or SQLITE_OK.
int machine_call(Machine *machine, Call call);

int machine_is_killed(const Machine *machine);

/// Whether the call of this number could meet the failure; with 0, whether it changes the disk.
int machine_would_meet(const Machine *machine, int64_t number, int code);

/// The name if it was ever used.
Name *name_find(const char *path);
Name *name_make(const char *path);

/// Lets a name mean a file, or none.
void name_show(Name *name, File *file);

/// Makes a name's present meaning last.
void name_keep(Name *name);

/// Syncs the folder that a name is in.
void folder_sync(Name *name);

/// An empty file with one reference.
File *file_make(Machine *machine, int is_temporary);
void file_release(File *file);

/// Counts its size as used, or no longer, after its name or handles changed.
void file_account(File *file);
int file_write(File *file, const void *data, int64_t length, int64_t offset);
void file_truncate(File *file, int64_t size);

/// Carries all pending changes out.
void file_keep(File *file);

/// Carries out some of the pending changes and drops the others, as a failed sync does.
void file_lose(File *file);

#endif
