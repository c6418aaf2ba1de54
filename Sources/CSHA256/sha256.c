// SPDX-License-Identifier: Apache-2.0

#include "CSHA256.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>
#include <string.h>

static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

// The two halves of the state as the instructions want them: the words A B E F and C D G H.
struct state {
    __m128i abef, cdgh;
};

__attribute__((target("sha,sse4.1,ssse3")))
static struct state compress(struct state state, const uint8_t *block) {
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    struct state next = state;
    __m128i words[4];
#pragma clang loop unroll(full)
    for (int round = 0; round < 16; round++) {
        __m128i word;
        if (round < 4) {
            word = _mm_loadu_si128((const __m128i *)(block + 16 * round));
            word = _mm_shuffle_epi8(word, order);
        } else {
            const __m128i last = words[(round + 3) & 3];
            word = _mm_sha256msg1_epu32(words[round & 3], words[(round + 1) & 3]);
            word = _mm_add_epi32(word, _mm_alignr_epi8(last, words[(round + 2) & 3], 4));
            word = _mm_sha256msg2_epu32(word, last);
        }
        words[round & 3] = word;
        const __m128i sum =
            _mm_add_epi32(word, _mm_load_si128((const __m128i *)(constants + 4 * round)));
        next.cdgh = _mm_sha256rnds2_epu32(next.cdgh, next.abef, sum);
        next.abef = _mm_sha256rnds2_epu32(next.abef, next.cdgh, _mm_shuffle_epi32(sum, 0x0e));
    }
    next.abef = _mm_add_epi32(next.abef, state.abef);
    next.cdgh = _mm_add_epi32(next.cdgh, state.cdgh);
    return next;
}

__attribute__((target("sha,sse4.1,ssse3")))
static void hash(const uint8_t *data, size_t count, uint64_t words[4]) {
    struct state state = {
        _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
        _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19),
    };
    size_t left = count;
    for (; left >= 64; left -= 64, data += 64) state = compress(state, data);
    uint8_t end[128] = {0};
    if (left > 0) memcpy(end, data, left);
    end[left] = 0x80;
    const size_t size = left < 56 ? 64 : 128;
    const uint64_t bits = __builtin_bswap64((uint64_t)count * 8);
    memcpy(end + size - 8, &bits, 8);
    state = compress(state, end);
    if (size == 128) state = compress(state, end + 64);
    // As words of 64 bits the halves are EF, AB and GH, CD.
    words[0] = (uint64_t)_mm_extract_epi64(state.abef, 1);
    words[1] = (uint64_t)_mm_extract_epi64(state.cdgh, 1);
    words[2] = (uint64_t)_mm_extract_epi64(state.abef, 0);
    words[3] = (uint64_t)_mm_extract_epi64(state.cdgh, 0);
}

static int detect(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 1;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & (1u << 29))) return 1;
    return 2;
}

int ting_sha256(const void *data, size_t count, uint64_t words[4]) {
    static atomic_int kind;  // 0 not known, 1 without, 2 with the instructions
    int known = atomic_load_explicit(&kind, memory_order_relaxed);
    if (known == 0) {
        known = detect();
        atomic_store_explicit(&kind, known, memory_order_relaxed);
    }
    if (known != 2) return 0;
    hash(data, count, words);
    return 1;
}

#else

int ting_sha256(const void *data, size_t count, uint64_t words[4]) { return 0; }

#endif
