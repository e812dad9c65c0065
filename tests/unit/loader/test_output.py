"""What workers print and log comes out with their names."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import SimpleNamespace

from sandbox.loader.output import end_lines, install_output, real_stdout
from sandbox.runtime.context import current_worker


class Worker(SimpleNamespace):
    """Stands for a WorkerContext: a name, and an emit that keeps what it is given."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, seen=[])

    def emit(self, kind: str, /, **fields: object) -> None:
        assert kind == "log"
        self.seen.append((fields["worker"], fields["level"], fields["text"]))

    def run(self, action):
        token = current_worker.set(self)
        try:
            return action()
        finally:
            current_worker.reset(token)


@contextmanager
def replaced() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Streams of the test's own, and a root logger without pytest's handlers (a worker's process has none)."""
    out, err = io.StringIO(), io.StringIO()
    handlers, level = logging.root.handlers[:], logging.root.level
    logging.root.handlers[:] = []
    try:
        with redirect_stdout(out), redirect_stderr(err):
            yield out, err
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)


@contextmanager
def routed(wanted=None) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    with replaced() as streams:
        uninstall = install_output(wanted)
        try:
            yield streams
        finally:
            uninstall()


def test_lines_become_events_with_name_and_level():
    with routed() as (out, err):
        feeds = Worker("feeds")
        feeds.run(lambda: print("one\ntwo"))
        feeds.run(lambda: print("bad", file=sys.stderr))
        assert feeds.seen == [("feeds", "log", "one"), ("feeds", "log", "two"), ("feeds", "error", "bad")]
        assert out.getvalue() == err.getvalue() == ""


def test_without_a_worker_text_goes_straight_through():
    with routed() as (out, err):
        print("the sandbox's own")
        assert out.getvalue() == "the sandbox's own\n"


def test_unfinished_lines_of_two_workers_do_not_mix():
    with routed() as (out, err):
        one, two = Worker("one"), Worker("two")
        one.run(lambda: print("a", end=""))
        two.run(lambda: print("b", end=""))
        one.run(lambda: print("a"))
        end_lines(two)
        end_lines(two)
        assert (one.seen, two.seen) == ([("one", "log", "aa")], [("two", "log", "b")])


def test_a_line_without_end_is_cut():
    with routed() as (out, err):
        worker = Worker("w")
        worker.run(lambda: sys.stdout.write("x" * 70_000))
        assert len(worker.seen) == 1


async def test_tasks_of_a_worker_inherit_its_name():
    with routed() as (out, err):
        worker = Worker("w")

        async def say() -> None:
            await asyncio.sleep(0)
            print("later")

        await worker.run(lambda: asyncio.create_task(say()))
        assert worker.seen == [("w", "log", "later")]


def test_a_listener_that_prints_does_not_feed_itself():
    with routed() as (out, err):
        worker = Worker("w")
        worker.emit = lambda kind, **fields: print(f"[{fields['worker']}] {fields['text']}")
        worker.run(lambda: print("hello"))
        assert out.getvalue() == "[w] hello\n"


def test_when_nobody_listens_the_real_streams_get_it():
    with replaced() as (out, err):
        uninstall = install_output(wanted=lambda kind: False)
        try:
            Worker("w").run(lambda: print("hello"))
        finally:
            uninstall()
        assert out.getvalue() == "hello\n"


def test_real_stdout_is_never_taken_for_a_workers_output():
    with routed() as (out, err):
        worker = Worker("w")
        worker.run(lambda: real_stdout().write("console\n"))
        assert out.getvalue() == "console\n"
        assert worker.seen == []


def test_logging_without_configuration_shows_warnings_with_their_level():
    with routed() as (out, err):
        worker = Worker("w")
        logger = logging.getLogger("sandbox_workers.w_g1.utils")
        worker.run(lambda: (logger.info("quiet"), logger.warning("%s!", "careful")))
        assert worker.seen == [("w", "warning", "careful!")]


def test_logging_by_basic_config_keeps_the_level_and_the_plain_name():
    with routed() as (out, err):
        worker = Worker("w")

        def configure() -> None:
            logging.basicConfig(level=logging.INFO, format="%(worker)s %(name)s %(message)s")
            logging.getLogger("sandbox_workers.w_g1.utils").info("hello")

        level = logging.root.level
        try:
            worker.run(configure)
        finally:
            logging.root.setLevel(level)
        assert worker.seen == [("w", "info", "w utils hello")]


def test_uninstall_puts_everything_back():
    with replaced() as (out, err):
        before = (sys.stdout, logging.lastResort, logging.getLogRecordFactory(), logging.Logger.callHandlers)
        install_output()()
        assert (sys.stdout, logging.lastResort, logging.getLogRecordFactory(), logging.Logger.callHandlers) == before
