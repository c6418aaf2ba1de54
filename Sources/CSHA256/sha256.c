// SPDX-License-Identifier: Apache-2.0

// The one-shot functions of OpenSSL 3 look the algorithm up for each hash, which costs more than to hash a
// few bytes; these don't.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "CSHA256.h"

#include <openssl/sha.h>

void ting_sha256(const void *data, size_t count, uint8_t hash[32]) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, data, count);
    SHA256_Final(hash, &context);
}
