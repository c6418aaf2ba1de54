// SPDX-License-Identifier: Apache-2.0

#ifndef TING_CFOLDEREXCHANGE_H
#define TING_CFOLDEREXCHANGE_H

/// Lets two paths change places in one step: at every instant each of them is there.
/// Returns 0, or the error's number: EINVAL or ENOSYS where the file system can't.
int ting_exchange(const char *one, const char *other);

#endif
