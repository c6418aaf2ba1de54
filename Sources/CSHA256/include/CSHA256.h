// SPDX-License-Identifier: Apache-2.0

#ifndef TING_CSHA256_H
#define TING_CSHA256_H

#include <stddef.h>
#include <stdint.h>

/// Hashes bytes by the system's libcrypto, with no object made for it.
void ting_sha256(const void *data, size_t count, uint8_t hash[32]);

#endif
