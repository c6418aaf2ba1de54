// SPDX-License-Identifier: Apache-2.0

#ifndef TING_CSHA256_H
#define TING_CSHA256_H

#include <stddef.h>
#include <stdint.h>

/// Hashes bytes by the processor's own instructions for SHA-256 (FIPS 180-4).
/// Gives 1 and four words, big-endian digits first; 0 on a processor without them, when nothing is
/// written.
int ting_sha256(const void *data, size_t count, uint64_t words[4]);

#endif
