"""`crypto`: random values and digests."""

from __future__ import annotations

import hashlib
from typing import Any

from sandbox.runtime.stdlib.chance import new_uuid4, random_bytes
from sandbox.runtime.values import (
    ArrayBuffer,
    HostObject,
    JsException,
    TypedArray,
    bytes_of,
    js_method,
    js_str,
    option,
    throw,
)
from sandbox.runtime.values.typed_arrays import Float32Array, Float64Array

_HASHES = {"SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512", "MD5": "md5"}


class SubtleCrypto(HostObject):
    """`crypto.subtle`: digests."""

    @js_method
    async def digest(self, algorithm: Any, data: Any) -> ArrayBuffer:
        name = js_str(algorithm if isinstance(algorithm, str) else option(algorithm, "name", "")).upper()
        if name not in _HASHES:
            raise JsException(
                "NotSupportedError", f'Unrecognized or unimplemented digest algorithm "{name}" requested.'
            )
        given = bytes_of(data)
        if given is None:
            raise JsException("TypeError", "digest() takes an ArrayBuffer or a view of one.")
        return ArrayBuffer._over(hashlib.new(_HASHES[name], given, usedforsecurity=False).digest())


class Crypto(HostObject):
    """`crypto`."""

    def __init__(self) -> None:
        self.subtle = SubtleCrypto()

    @js_method
    def randomUUID(self) -> str:
        return str(new_uuid4())

    @js_method
    def getRandomValues(self, array: Any) -> Any:
        if not isinstance(array, TypedArray) or isinstance(array, (Float32Array, Float64Array)):
            throw("TypeMismatchError", "getRandomValues() takes an integer typed array.")
        if array.byteLength > 65536:
            throw("QuotaExceededError", "getRandomValues() only accepts buffers of size <= 64K.")
        array.assign(random_bytes(array.byteLength))
        return array


crypto = Crypto()
