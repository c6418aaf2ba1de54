// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CFolderExchange.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

int ting_exchange(const char *one, const char *other) {
#if defined(RENAME_EXCHANGE)
    return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0 ? 0 : errno;
#elif defined(RENAME_SWAP)
    return renamex_np(one, other, RENAME_SWAP) == 0 ? 0 : errno;
#else
    return ENOSYS;
#endif
}
