"""An OpenAI-compatible model, where a key is bound; nothing needs it.

The same file lies in each worker that can use a model, since folders are deployed alone. Bindings: the secret `OPENAI_API_KEY`, and
optionally the variables `OPENAI_BASE_URL` and `OPENAI_MODEL`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

BASE_URL = "https://api.openai.com/v1"
MODEL = "gpt-4o-mini"
TIMEOUT_S = 30.0
LONGEST_WAIT_S = 5.0
"""A `Retry-After` up to this is waited for, once; after a longer one the work goes on without the model."""
MAX_ANSWER = 200_000


class Failed(Exception):
    """The model gave nothing usable; the text says why, for the notes of the output."""


class Busy(Failed):
    def __init__(self, reason: str, wait_s: float) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Model:
    """Asks for JSON objects. The first failure is the last: it is told in `notes`, and every later question is None."""

    def __init__(self, key: str, base_url: str, name: str, fetch: Callable[..., Awaitable[Any]], count: Any) -> None:
        self._key, self._url, self._name = key, base_url.rstrip("/") + "/chat/completions", name
        self._fetch, self._count = fetch, count
        self._failed = False
        self.notes: list[str] = []

    @classmethod
    def bound(cls, env: Any, fetch: Callable[..., Awaitable[Any]], count: Any) -> Model | None:
        """The model of the worker's bindings, or None where no key is bound. `count` is a job's `count`."""
        key = getattr(env, "OPENAI_API_KEY", None)
        if not key:
            return None
        base_url, name = getattr(env, "OPENAI_BASE_URL", None), getattr(env, "OPENAI_MODEL", None)
        return cls(str(key), str(base_url or BASE_URL), str(name or MODEL), fetch, count)

    async def ask(self, system: str, user: str, shape: dict[str, type]) -> dict[str, Any] | None:
        """The model's answer as an object that has the keys of `shape` with values of those types; None on any failure."""
        if self._failed:
            return None
        try:
            try:
                answer = await self._once(system, user, shape)
            except Busy as busy:
                if busy.wait_s > LONGEST_WAIT_S:
                    raise
                await asyncio.sleep(busy.wait_s)
                answer = await self._once(system, user, shape)
        except Failed as failed:
            self._failed = True
            self.notes.append(f"The model was left out: {failed}.")
            return None
        note = f"The model {self._name} took part."
        if note not in self.notes:
            self.notes.append(note)
        return answer

    async def _once(self, system: str, user: str, shape: dict[str, type]) -> dict[str, Any]:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        body = {"model": self._name, "messages": messages, "response_format": {"type": "json_object"}, "temperature": 0}
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        self._count(openai=1)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self._fetch(self._url, method="POST", headers=headers, body=json.dumps(body))
                status, text = int(response.status), str(await response.text())
        except TimeoutError as error:
            raise Failed(f"no answer within {TIMEOUT_S:g} s") from error
        except OSError as error:
            raise Failed("it could not be reached") from error
        if status in (429, 503):
            raise Busy(f"it answered {status}", _seconds(response.headers.get("retry-after")))
        if status != 200:
            raise Failed(f"it answered {status}")
        if len(text) > MAX_ANSWER:
            raise Failed(f"its answer is longer than {MAX_ANSWER:,} characters")
        return self._read(text, shape)

    def _read(self, text: str, shape: dict[str, type]) -> dict[str, Any]:
        try:
            whole = json.loads(text)
            usage = whole.get("usage") or {}
            tokens = usage.get("total_tokens", 0)
            # Tokens of an answer that is of no use are paid for, too.
            if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens > 0:
                self._count(tokens=tokens)
            content = whole["choices"][0]["message"]["content"].strip()
            if content.startswith("```"):
                content = content.strip("`").removeprefix("json")
            answer = json.loads(content)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise Failed("its answer is malformed") from error
        if not isinstance(answer, dict):
            raise Failed("its answer is no JSON object")
        for name, kind in shape.items():
            if not isinstance(answer.get(name), kind):
                raise Failed(f"its answer has no usable {name!r}")
        return answer


def _seconds(header: str | None) -> float:
    """A Retry-After in seconds. One that is a date, or none, is an ordinary second."""
    return float(header) if header and header.isdecimal() else 1.0
