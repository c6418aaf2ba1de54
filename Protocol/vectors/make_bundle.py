# SPDX-License-Identifier: Apache-2.0
"""Writes bundle-*.json from spec/bundle.md, RFC 9180, RFC 7748, RFC 8439 and RFC 6979 alone.

Every key is fixed, those of the sender too, so that the files are the same each time.
"""

import hashlib
import hmac
import json
import pathlib
import sys
from base64 import b64encode

FOLDER = pathlib.Path(__file__).parent
P = 2**255 - 19


def x25519(scalar, point):
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, "little")
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        e = aa - bb
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def public(scalar):
    return x25519(scalar, bytes([9]) + bytes(31))


def extract(salt, ikm):
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def expand(prk, info, length):
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(prk, block + info + bytes([counter]), "sha256")
        out, counter = out + block, counter + 1
    return out[:length]


def rotate(value, count):
    return (value << count | value >> 32 - count) & 0xFFFFFFFF


def chacha(key, counter, nonce):
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    start += [int.from_bytes(key[i : i + 4], "little") for i in range(0, 32, 4)]
    start += [counter] + [int.from_bytes(nonce[i : i + 4], "little") for i in range(0, 12, 4)]
    s = start[:]
    rounds = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)]
    rounds += [(0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]
    for _ in range(10):
        for a, b, c, d in rounds:
            for x, y, z, count in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                s[x] = s[x] + s[y] & 0xFFFFFFFF
                s[z] = rotate(s[z] ^ s[x], count)
    return b"".join((a + b & 0xFFFFFFFF).to_bytes(4, "little") for a, b in zip(s, start))


def seal(key, nonce, aad, plain):
    stream = b"".join(chacha(key, 1 + i, nonce) for i in range((len(plain) + 63) // 64))
    cipher = bytes(a ^ b for a, b in zip(plain, stream))
    one = chacha(key, 0, nonce)
    r = int.from_bytes(one[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    pad = lambda data: data + bytes(-len(data) % 16)
    text = pad(aad) + pad(cipher)
    text += len(aad).to_bytes(8, "little") + len(cipher).to_bytes(8, "little")
    total = 0
    for i in range(0, len(text), 16):
        total = (total + int.from_bytes(text[i : i + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return cipher + (total + int.from_bytes(one[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")


KEM = b"KEM" + (0x20).to_bytes(2, "big")
SUITE = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (0x20, 1, 3))


def labeled_extract(suite, salt, label, ikm):
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite, prk, label, info, length):
    return expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def hpke(recipient, ephemeral, info, sender=None):
    """Key and base nonce (RFC 9180 § 5.1), with the encapsulated key."""
    enc = public(ephemeral)
    dh, context = x25519(ephemeral, recipient), enc + recipient
    if sender:
        dh, context = dh + x25519(sender, recipient), context + public(sender)
    prk = labeled_extract(KEM, b"", b"eae_prk", dh)
    shared = labeled_expand(KEM, prk, b"shared_secret", context, 32)
    mode = bytes([2 if sender else 0])
    schedule = mode + labeled_extract(SUITE, b"", b"psk_id_hash", b"")
    schedule += labeled_extract(SUITE, b"", b"info_hash", info)
    secret = labeled_extract(SUITE, shared, b"secret", b"")
    key = labeled_expand(SUITE, secret, b"key", schedule, 32)
    return enc, key, labeled_expand(SUITE, secret, b"base_nonce", schedule, 12)


def bundle(kind, contents, recipient, ephemeral, sender=None):
    info = b"ting bundle 1 " + (b"to the server" if kind == 1 else b"reply")
    enc, key, base = hpke(recipient, ephemeral, info, sender)
    header = b"tingbndl\1" + bytes([kind]) + recipient + enc
    out, number = header, 0
    while True:
        chunk = contents[number * 65536 : (number + 1) * 65536]
        last = len(chunk) < 65536
        nonce = bytes(a ^ b for a, b in zip(base, number.to_bytes(12, "big")))
        out += seal(key, nonce, header + bytes([last]), chunk)
        number += 1
        if last:
            return out


# P-256: y² = x³ − 3x + b over q, with base point G of order n.
Q = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % Q == 0:
            return None
        slope = 3 * (a[0] * a[0] - 1) * pow(2 * a[1], Q - 2, Q)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], Q - 2, Q)
    x = (slope * slope - a[0] - b[0]) % Q
    return x, (slope * (a[0] - x) - a[1]) % Q


def times(k, point):
    total = None
    while k:
        if k & 1:
            total = add(total, point)
        point, k = add(point, point), k >> 1
    return total


def sign(private, message):
    """ECDSA with SHA-256 and the nonce of RFC 6979: r and s, 32 bytes each."""
    digest = hashlib.sha256(message).digest()
    number = lambda data: int.from_bytes(data, "big")
    mac = lambda key, data: hmac.digest(key, data, "sha256")
    seed = private.to_bytes(32, "big") + (number(digest) % N).to_bytes(32, "big")
    k, v = bytes(32), b"\1" * 32
    for mark in (b"\0", b"\1"):
        k = mac(k, v + mark + seed)
        v = mac(k, v)
    v = mac(k, v)
    nonce = number(v)
    r = times(nonce, G)[0] % N
    s = pow(nonce, N - 2, N) * (number(digest) + r * private) % N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value) if value else b""
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data if data else b""


SERVER, REPLY = bytes([1]) * 32, bytes([2]) * 32
EPHEMERAL, DEVICE = bytes([3]) * 32, 4
EPOCH = "5b0c0c1e-8f0a-4c56-9d3a-3f1f5a0e7c11"
REPLICA = "01976f3a-1111-7000-8000-000000000001"
NOTHING = "0" * 64


def to_server():
    base = field(1, EPOCH) + field(2, 3)
    sync = field(1, 1) + field(2, 1) + field(3, REPLICA) + field(4, base)
    sync += field(5, NOTHING) + field(6, NOTHING) + field(7, 1750000000000)
    device = "66666666-6666-4666-8666-666666666666"
    request = field(1, 1) + field(2, "demo") + field(3, device)
    request += field(4, public(SERVER)) + field(5, public(REPLY)) + field(6, sync)
    signature = sign(DEVICE, b"ting bundle 1\n" + request)
    contents = field(1, request) + field(2, signature)
    key = times(DEVICE, G)
    file = bundle(1, contents, public(SERVER), EPHEMERAL)
    return {
        "comment": "A device signs where its replica stands, and seals it to the server.",
        "spec": "bundle.md#to-the-server",
        "input": {
            "server_key": SERVER.hex(),
            "device_key": "04" + "".join(part.to_bytes(32, "big").hex() for part in key),
            "file": file.hex(),
        },
        "expect": {
            "request": {
                "protocol": "1", "workspace": "demo", "device": device,
                "server_key": b64encode(public(SERVER)).decode(),
                "reply_key": b64encode(public(REPLY)).decode(),
                "requests": [
                    {
                        "protocol": "1", "schema": "1", "replica": REPLICA,
                        "base": {"epoch": EPOCH, "version": "3"}, "history_digest": NOTHING,
                        "state_digest": NOTHING, "sent": "1750000000000",
                    }
                ],
            }
        },
    }


def reply():
    base = field(1, EPOCH) + field(2, 3)
    response = field(1, EPOCH) + field(5, 3) + field(6, NOTHING) + field(7, NOTHING)
    response += field(8, 1) + field(9, 1750000600000) + field(12, 2) + field(13, "editor")
    response += field(14, 1)
    contents = field(1, 1) + field(2, "demo")
    contents += field(3, field(1, REPLICA) + field(2, base) + field(3, response))
    file = bundle(2, contents, public(REPLY), EPHEMERAL, SERVER)
    return {
        "comment": "The server's key proves the reply, which the device's key alone opens.",
        "spec": "bundle.md#the-reply",
        "input": {
            "reply_key": REPLY.hex(), "server_public_key": public(SERVER).hex(),
            "file": file.hex(),
        },
        "expect": {
            "reply": {
                "protocol": "1", "workspace": "demo",
                "answers": [
                    {
                        "replica": REPLICA, "base": {"epoch": EPOCH, "version": "3"},
                        "response": {
                            "epoch": EPOCH, "head": "3", "history_digest": NOTHING,
                            "state_digest": NOTHING, "digests_agree": True,
                            "time": "1750000600000", "members_version": "2", "role": "editor",
                            "history_agrees": True,
                        },
                    }
                ],
            }
        },
    }


def main():
    wrong = 0
    for name, make in (("bundle-to-server", to_server), ("bundle-reply", reply)):
        path = FOLDER / f"{name}.json"
        text = json.dumps({"name": name, **make()}, indent=2) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{name} differs", file=sys.stderr)
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
