// SPDX-License-Identifier: Apache-2.0

#include "CSimulatedDisk.h"
#include "Disk.h"
#include <sqlite3.h>

/// What becomes of that which was not synced.
typedef enum { all_lost, all_kept, first_kept, any_kept } Style;

typedef struct {
    Style style;
    /// Of 16 sectors, how many are kept with `any_kept`.
    uint64_t odds;
    /// The last change that is kept with `first_kept`, and that is torn.
    uint64_t last;
    uint64_t randomness;
} Cut;

static int chance(Cut *cut, uint64_t odds) { return disk_random(&cut->randomness) % 16 < odds; }

static int keeps(Cut *cut, uint64_t change) {
    switch (cut->style) {
        case all_lost: return 0;
        case all_kept: return 1;
        case first_kept: return change < cut->last || (change == cut->last && chance(cut, 8));
        case any_kept: return chance(cut, cut->odds);
    }
    return 0;
}

/// Writes part of a sector, then garbage; the rest stays as it was.
static void tear(Cut *cut, File *file, const uint8_t *data, int64_t length, int64_t offset) {
    int64_t new = (int64_t)(disk_random(&cut->randomness) % (uint64_t)(length + 1));
    int64_t end = new + (int64_t)(disk_random(&cut->randomness) % (uint64_t)(length - new + 1));
    bytes_write(&file->kept, data, new, offset);
    for (int64_t i = new; i < end; i++) {
        uint8_t garbage = (uint8_t)disk_random(&cut->randomness);
        bytes_write(&file->kept, &garbage, 1, offset + i);
    }
}

static void settle_write(Cut *cut, File *file, const Change *change) {
    const uint8_t *data = file->pending_bytes.at + change->start;
    int64_t end = change->offset + change->length;
    for (int64_t at = change->offset; at < end;) {
        int64_t next = at - at % sector + sector;
        if (next > end) next = end;
        const uint8_t *part = data + (at - change->offset);
        if (keeps(cut, change->number)) {
            int is_torn = cut->style == any_kept ? chance(cut, 1)
                : cut->style == first_kept       ? change->number == cut->last && chance(cut, 4)
                                                 : 0;
            if (is_torn)
                tear(cut, file, part, next - at, at);
            else
                bytes_write(&file->kept, part, next - at, at);
        }
        at = next;
    }
}

/// Leaves of a file what is on the disk.
static void settle(Cut *cut, File *file) {
    for (int64_t i = 0; i < file->pending_count; i++) {
        const Change *change = &file->pending[i];
        if (change->length >= 0)
            settle_write(cut, file, change);
        else if (keeps(cut, change->number))
            bytes_resize(&file->kept, change->offset);
    }
    file->pending_count = 0;
    file->pending_bytes.size = 0;
    file->machine->used += file->kept.size - file->seen.size;
    bytes_resize(&file->seen, 0);
    bytes_write(&file->seen, file->kept.at, file->kept.size, 0);
}

static Cut cut_of(Machine *machine, uint64_t seed) {
    Cut cut = {.randomness = seed};
    static const Style styles[] = {all_lost, all_kept, first_kept, first_kept, any_kept, any_kept};
    static const uint64_t odds[] = {2, 8, 8, 14};
    cut.style = styles[disk_random(&cut.randomness) % 6];
    cut.odds = odds[disk_random(&cut.randomness) % 4];
    uint64_t first = UINT64_MAX, last = 0;
    for (Name *name = disk.names; name; name = name->next) {
        if (name->machine != machine) continue;
        File *files[] = {name->seen, name->kept};
        for (int i = 0; i < 2; i++) {
            if (!files[i] || !files[i]->pending_count) continue;
            const Change *pending = files[i]->pending;
            uint64_t newest = pending[files[i]->pending_count - 1].number;
            if (pending[0].number < first) first = pending[0].number;
            if (newest > last) last = newest;
        }
    }
    cut.last = first > last ? 0 : first + disk_random(&cut.randomness) % (last - first + 1);
    return cut;
}

int ting_disk_power_cut(const char *name, uint64_t seed) {
    disk_lock();
    Machine *machine = machine_of_name(name);
    if (machine->open) {
        disk_unlock();
        return SQLITE_BUSY;
    }
    Cut cut = cut_of(machine, seed);
    for (Name *each = disk.names; each; each = each->next) {
        if (each->machine != machine) continue;
        if (each->kept != each->seen) {
            int is_as_seen = cut.style == all_kept
                || (cut.style != all_lost && chance(&cut, 8));
            if (!is_as_seen) name_show(each, each->kept);
            name_keep(each);
        }
        if (each->seen) settle(&cut, each->seen);
    }
    disk_unlock();
    return SQLITE_OK;
}
