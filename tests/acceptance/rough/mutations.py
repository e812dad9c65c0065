"""Well-formed requests and what becomes of them by chance."""

from __future__ import annotations

import random

SEEDS = [
    "GET / HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: */*\r\n\r\n",
    "GET /workers/{worker}/a?b=c HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: a=b\r\n\r\n",
    "GET http://localhost:{port}/workers/{worker}/ HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n",
    "POST /workers/{worker}/ HTTP/1.1\r\nHost: {worker}.localhost:{port}\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: {worker}.localhost:{port}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "PUT /api/data HTTP/1.1\r\nHost: [::1]:{port}\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "GET / HTTP/1.1\r\nHost: {worker}.localhost:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    "HEAD /workers/{worker} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\nGET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n",
]
OURS = [
    "POST /api/executions HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n"
    '{{"worker":"rough","input":1}}',
    "GET /api/executions?status=running&limit=5&cursor=a HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n",
    "GET /api/kv/namespaces HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n\r\n",
    "PUT /api/checkpoints/p1 HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n\r\n{{}}",
    "GET /api/references/ref_1?raw=1 HTTP/1.1\r\nHost: localhost:{port}\r\nRange: bytes=0-\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost: localhost:{port}\r\nAccept-Encoding: gzip\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: {worker}.localhost:{port}\r\nContent-Encoding: gzip\r\ntraceparent: 00-a-b-01\r\nContent-Length: 4\r\n\r\nabcd",
]
PIECES = [b"\r\n", b"\n", b"\0", b" ", b"\t", b":", b"//", b"..", b"%00", b"%2e", b"\xff\xfe", b"[", b"]", b"@", b"#", b"?", b"\\",
          b"Host: evil.com\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: -1\r\n", b"Content-Length: 99\r\n", b"Connection: close\r\n",
          b"HTTP/1.1", b"0\r\n\r\n", b"A" * 9000, b"x: y\r\n" * 200, b"\xf0\x9f\x98\x80", b"http://", b"*", b"99999999999999999999", b"-1",
          b"traceparent: 00-%s-%s-01\r\n" % (b"0" * 32, b"f" * 16), b"Content-Type: application/json\r\n", b"{", b"\"", b"\xed\xa0\x80"]  # fmt: skip


def mutate(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to four pieces put in, cut out or changed."""
    raw = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(6):
            case 0:
                raw[at:at] = chance.choice(PIECES)
            case 1:
                del raw[at : at + chance.randint(1, 12)]
            case 2:
                raw[at : at + 1] = bytes([chance.randrange(256)])
            case 3:
                end = at + chance.randint(1, 30)
                raw[at:at] = raw[at:end]
            case 4:
                raw[at:] = b""
            case 5:
                raw[at : at + chance.randint(1, 6)] = chance.choice(PIECES)
        raw = raw or bytearray(b"\r\n")
    return bytes(raw)
