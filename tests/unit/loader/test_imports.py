"""What a worker's import statements mean: its own files under its own prefix, and the normal world beside them."""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from sandbox.loader import names_as_text
from sandbox.loader.imports import Namespace, plain_text
from sandbox.runtime.context import current_worker


class Loaded:
    """A namespace over a folder of files, its main module imported the way a generation does it."""

    def __init__(self, root: Path, files: dict[str, str], name: str, number: int = 1) -> None:
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(dedent(text))
        names_as_text.install()
        self.context = object()
        self.namespace = Namespace(name, number, root=root, boundary=root, main=root / "entry.py")
        self.namespace.open(self.context)
        self.root = root

    def load(self) -> ModuleType:
        with self.current():
            return importlib.import_module(f"{self.namespace.prefix}.entry")

    def current(self):
        return _Current(self.context)


class _Current:
    def __init__(self, context: object) -> None:
        self.context = context

    def __enter__(self) -> None:
        self.token = current_worker.set(self.context)

    def __exit__(self, *exc: object) -> None:
        current_worker.reset(self.token)


@pytest.fixture
def make(tmp_path: Path):
    made: list[Loaded] = []

    def make(files: dict[str, str], name: str = "one", number: int = 1, folder: str | None = None) -> Loaded:
        root = tmp_path / (folder or f"{name}_{number}")
        root.mkdir(exist_ok=True)
        made.append(Loaded(root, files, name, number))
        return made[-1]

    yield make
    for loaded in made:
        loaded.namespace.close()


def run(make, **files: str) -> ModuleType:
    return make({name.replace("__DOT__", "/") + ".py": text for name, text in files.items()}).load()


def test_two_workers_have_modules_of_the_same_name(make):
    one = make({"entry.py": "import utils\nfrom utils import who", "utils.py": "def who(): return 'one'"}, "one").load()
    two = make({"entry.py": "import utils\nfrom utils import who", "utils.py": "def who(): return 'two'"}, "two").load()
    assert (one.who(), two.who()) == ("one", "two")
    assert one.utils is not two.utils
    assert "utils" not in sys.modules


def test_two_generations_of_one_worker_stay_apart(make):
    files = {"entry.py": "import state", "state.py": "seen = []"}
    old = make(files, "w", 1).load()
    old.state.seen.append(1)
    new = make(files, "w", 2).load()
    assert new.state.seen == []
    assert old.state.seen == [1]


def test_a_dash_in_the_name(make):
    assert make({"entry.py": "import utils", "utils.py": "x = 1"}, "feed-fetcher").load().utils.x == 1


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("import pkg.sub.deep\nresult = pkg.sub.deep.value", "deep"),
        ("import pkg.sub.deep as d\nresult = d.value", "deep"),
        ("from pkg.sub import deep\nresult = deep.value", "deep"),
        ("from pkg.sub import deep as other\nresult = other.value", "deep"),
        ("from pkg import *\nresult = exported", "exported"),
        ("from utils import *\nresult = a + b", "ab"),
        ("from pkg.relative import up\nresult = up", "deep"),
        ("from pkg.relative import sibling\nresult = sibling.value", "sibling"),
        ("import spacefolder.inner\nresult = spacefolder.inner.value", "inner"),
        ("from spacefolder import inner\nresult = inner.value", "inner"),
        ("import pkg\nimport pkg.sub\nresult = pkg.sub.__name__.rpartition('.')[2]", "sub"),
        ("def lazy():\n    import utils\n    return utils.a\nresult = lazy()", "a"),
        ("result = __import__('utils').a", "a"),
        ("result = __import__('pkg.sub.deep').sub.__name__.rpartition('.')[2]", "sub"),
        ("import json, utils\nresult = json.loads('\"x\"')", "x"),
        ("import os.path\nresult = os.path.basename('/a/b')", "b"),
        ("try:\n    import absent_thing\nexcept ImportError as e:\n    result = e.name", "absent_thing"),
    ],
)
def test_import_statements(make, statement, value):
    module = make(
        {
            "entry.py": statement,
            "utils.py": "a = 'a'\nb = 'b'\n_hidden = 1",
            "pkg/__init__.py": "__all__ = ['exported']\nexported = 'exported'",
            "pkg/sub/__init__.py": "",
            "pkg/sub/deep.py": "value = 'deep'",
            "pkg/sibling.py": "value = 'sibling'",
            "pkg/relative.py": "from .sub.deep import value as up\nfrom . import sibling\nfrom .sub import deep",
            "spacefolder/inner.py": "value = 'inner'",
        }
    ).load()
    assert module.result == value


def test_relative_import_two_levels_up_inside_a_package(make):
    module = make(
        {
            "entry.py": "from pkg.sub.deep import value",
            "pkg/__init__.py": "",
            "pkg/top.py": "value = 7",
            "pkg/sub/__init__.py": "",
            "pkg/sub/deep.py": "from ..top import value\nfrom .. import top\nassert top.value == value",
        }
    ).load()
    assert module.value == 7


async def test_lazy_imports_from_a_task_and_from_a_librarys_callback(make):
    module = make(
        {
            "entry.py": """
                import functools
                async def in_task():
                    import utils
                    return utils.x
                def key(_):
                    import utils
                    return utils.x
                def through_library(): return sorted([1], key=key), functools.reduce(lambda a, b: key(a), [1, 2])
            """,
            "utils.py": "x = 5",
        }
    ).load()
    assert await asyncio.create_task(module.in_task()) == 5
    assert module.through_library() == ([1], 5)


def test_circular_imports_and_a_module_that_imports_the_main_one(make):
    module = make(
        {
            "entry.py": "LIMIT = 3\nimport a\ndef answer(): return a.answer()",
            "a.py": "import b\nimport entry\ndef answer(): return b.answer() + entry.LIMIT",
            "b.py": "import a\ndef answer(): return len(a.__name__) and 1",
        }
    ).load()
    assert module.answer() == 4
    assert module.a.entry is module


def test_functions_taking_a_module_name(make):
    loaded = make(
        {
            "entry.py": """
                import importlib, importlib.util, importlib.resources, inspect, pkgutil
                import pkg.inner
                import utils
                from importlib import import_module
                imported = importlib.import_module("utils") is utils, import_module("pkg.inner") is pkg.inner
                dotted = import_module(".inner", "pkg") is pkg.inner
                spec = importlib.util.find_spec("utils").origin
                nothing = importlib.util.find_spec("absent_thing")
                resource = importlib.resources.files("data").joinpath("a.txt").read_text()
                own_resource = pkg.inner.own
                package_data = pkgutil.get_data("pkg", "b.txt"), pkgutil.get_data("data", "a.txt")
                resolved = pkgutil.resolve_name("pkg.inner:own"), pkgutil.resolve_name("utils.x")
                source = inspect.getsource(utils.function), inspect.getsource(utils.Class)
                reloaded = importlib.reload(utils) is utils
            """,
            "utils.py": "x = 1\ndef function():\n    return 1\nclass Class:\n    pass\n",
            "pkg/__init__.py": "count = 0",
            "pkg/inner.py": """
                import importlib.resources
                own = importlib.resources.files(__package__).joinpath("b.txt").read_text()
            """,
            "pkg/b.txt": "b",
            "data/a.txt": "a",
        }
    )
    module = loaded.load()
    assert module.imported == (True, True)
    assert module.dotted
    assert module.spec == str(loaded.root / "utils.py")
    assert module.nothing is None
    assert module.resource == "a"
    assert module.own_resource == "b"
    assert module.package_data == (b"b", None)  # as in plain CPython for a folder without __init__.py
    assert module.resolved == ("b", 1)
    assert module.source == ("def function():\n    return 1\n", "class Class:\n    pass\n")
    assert module.reloaded


def test_get_data_does_not_run_a_module_twice(make):
    module = make(
        {
            "entry.py": "import pkgutil, pkg\npkg.mark = 'kept'\ndata = pkgutil.get_data('pkg', 'x.txt')\nmark = pkg.mark",
            "pkg/__init__.py": "mark = 'fresh'",
            "pkg/x.txt": "x",
        }
    ).load()
    assert module.mark == "kept"
    assert module.data == b"x"


def test_jinja2_package_loader(make):
    module = make(
        {
            "entry.py": """
                import jinja2
                import pages
                by_name = jinja2.Environment(loader=jinja2.PackageLoader("pages")).get_template("a.html").render(x=1)
                by_variable = jinja2.Environment(loader=pages.loader).get_template("a.html").render(x=2)
                bare = jinja2.Environment(loader=jinja2.PackageLoader("bare", "")).get_template("b.html").render(x=3)
            """,
            "pages/__init__.py": "import jinja2\nloader = jinja2.PackageLoader(__name__)",
            "pages/templates/a.html": "A{{ x }}",
            "bare/b.html": "B{{ x }}",
        }
    ).load()
    assert (module.by_name, module.by_variable, module.bare) == ("A1", "A2", "B3")


def test_mock_patch_by_name_while_the_worker_is_current(make):
    loaded = make({"entry.py": "import utils\ndef call(): return utils.f()", "utils.py": "def f(): return 1"})
    module = loaded.load()
    from unittest import mock

    with loaded.current(), mock.patch("utils.f", return_value=9):
        assert module.call() == 9
    assert module.call() == 1
    with pytest.raises(ModuleNotFoundError), mock.patch("utils.f"):
        pass


def test_dict_config_finds_the_workers_classes_and_loggers(make):
    import logging

    module = make(
        {
            "entry.py": """
                import logging, logging.config
                logging.config.dictConfig({
                    "version": 1, "disable_existing_loggers": False,
                    "handlers": {"mine": {"class": "handlers.Mine"}},
                    "loggers": {"dc_utils": {"handlers": ["mine"], "level": "INFO", "propagate": False}},
                })
                import dc_utils, handlers
            """,
            "handlers.py": """
                import logging
                class Mine(logging.Handler):
                    seen = []
                    def emit(self, record): self.seen.append((record.name, record.getMessage()))
            """,
            "dc_utils.py": "import logging\nlogger = logging.getLogger(__name__)\nlogger.info('hello')",
        }
    ).load()
    try:
        assert module.handlers.Mine.seen == [("dc_utils", "hello")]
        assert not [name for name in logging.Logger.manager.loggerDict if name.startswith("sandbox_workers")]
    finally:
        logging.getLogger("dc_utils").handlers.clear()


def test_dataclasses_and_forward_references(make):
    module = make(
        {
            "entry.py": """
                from __future__ import annotations
                import typing, enum
                from dataclasses import dataclass, fields, KW_ONLY
                from models import Later
                @dataclass
                class Node:
                    child: Node | None
                    later: Later
                    _: KW_ONLY
                    total: typing.ClassVar[int] = 0
                    flag: "bool" = True
                hints = typing.get_type_hints(Node)
                names = [f.name for f in fields(Node)]
                class Tree(typing.NamedTuple):
                    left: "Tree | None"
                tree = typing.get_type_hints(Tree)
            """,
            "models.py": "class Later: pass",
        }
    ).load()
    assert module.hints["child"] == module.Node | None
    assert module.hints["later"] is module.Later
    assert module.names == ["child", "later", "flag"]
    assert module.tree["left"] == module.Tree | None


def test_a_pydantic_model_with_forward_references(make):
    module = make(
        {
            "entry.py": """
                from __future__ import annotations
                from pydantic import BaseModel
                class Branch(BaseModel):
                    leaves: list[Leaf]
                class Leaf(BaseModel):
                    n: int
                value = Branch.model_validate({"leaves": [{"n": "1"}]}).leaves[0].n
            """
        }
    ).load()
    assert module.value == 1


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"entry.py": "from .utils import x", "utils.py": "x = 1"}, ["fails on Cloudflare", "`from utils import x`"]),
        ({"entry.py": "from . import utils", "utils.py": ""}, ["fails on Cloudflare", "`import utils`"]),
        (
            {"entry.py": "import a", "a.py": "from .utils import x, y", "utils.py": "x = y = 1"},
            ["'a' is a top-level module", "`from utils import x, y`"],
        ),
        (
            {"entry.py": "import p.m", "p/__init__.py": "", "p/m.py": "from ..utils import x", "utils.py": "x = 1"},
            ["beyond top-level package", "`from utils import x`"],
        ),
    ],
)
def test_relative_imports_that_cloudflare_refuses(make, files, words):
    with pytest.raises(ImportError) as caught:
        make(files).load()
    for word in words:
        assert word in str(caught.value)
    assert "sandbox_workers" not in str(caught.value)


@pytest.mark.parametrize("statement", ["import pkg.missing", "from pkg import missing", "from utils import missing"])
def test_import_errors_say_plain_names(make, statement):
    with pytest.raises(ImportError) as caught:
        make({"entry.py": statement, "pkg/__init__.py": "", "utils.py": ""}).load()
    assert "sandbox_workers" not in str(caught.value)
    assert caught.value.name in {"pkg.missing", "pkg", "utils"}


def test_an_error_while_importing_names_the_workers_file_and_line(make):
    loaded = make({"entry.py": "import utils", "utils.py": "x = 1\n\ny = 1 / 0\n"})
    with pytest.raises(ZeroDivisionError) as caught:
        loaded.load()
    last = caught.traceback[-1]
    assert (Path(last.path), last.lineno + 1) == (loaded.root / "utils.py", 3)


def test_a_syntax_error_shows_the_plain_file(make):
    loaded = make({"entry.py": "import utils", "utils.py": "x = 1\ndef broken(:\n"})
    with pytest.raises(SyntaxError) as caught:
        loaded.load()
    assert (caught.value.filename, caught.value.lineno) == (str(loaded.root / "utils.py"), 2)


def test_own_files_win_over_installed_packages_only_for_the_worker(make):
    module = make(
        {"entry.py": "import feedparser, jinja2\nwho = feedparser.who", "feedparser.py": "who = 'own'"}
    ).load()
    assert module.who == "own"
    assert not hasattr(importlib.import_module("feedparser"), "who")


def test_a_file_named_like_a_module_of_the_standard_library(make):
    # statistics is not loaded when a worker starts on Cloudflare, so the worker's own file wins, for the worker alone;
    # logging and types are, so theirs is never read.
    module = make(
        {
            "entry.py": """
                import fractions, statistics, logging, types
                own = statistics.own
                real = hasattr(logging, "getLogger") and hasattr(types, "ModuleType")
                from importlib import import_module
                by_text = import_module("statistics").own
            """,
            "statistics.py": "own = 'own'",
            "logging.py": "raise AssertionError",
            "types.py": "raise AssertionError",
        }
    ).load()
    assert (module.own, module.real, module.by_text) == ("own", True, "own")
    import statistics

    assert hasattr(statistics, "mean")


def test_shared_libraries_keep_the_standard_library_while_the_worker_is_current(make):
    loaded = make({"entry.py": "import statistics", "statistics.py": "own = 1"})
    loaded.load()
    with loaded.current():
        # The caller is this test, which stands for a shared library.
        assert hasattr(importlib.import_module("statistics"), "mean")


def test_a_folder_without_init_gives_way_to_an_installed_package(make):
    module = make({"entry.py": "import jinja2\nreal = hasattr(jinja2, 'Environment')", "jinja2/x.py": ""}).load()
    assert module.real


def test_no_byte_code_is_written_and_a_quick_second_save_is_seen(make):
    loaded = make({"entry.py": "import utils\nvalue = utils.x", "utils.py": "x = 1"}, number=1, folder="same")
    assert loaded.load().value == 1
    again = make({"utils.py": "x = 2"}, number=2, folder="same")
    assert again.load().value == 2
    assert not list(loaded.root.rglob("*.pyc"))


def test_a_link_out_of_the_workers_folder_is_refused(make, tmp_path):
    (tmp_path / "outside.py").write_text("secret = 1")
    loaded = make({"entry.py": "import outside"})
    (loaded.root / "outside.py").symlink_to(tmp_path / "outside.py")
    again = Namespace("linked", 1, root=loaded.root, boundary=loaded.root, main=loaded.root / "entry.py")
    again.open(None)
    try:
        with pytest.raises(ImportError, match="leads out of the worker's folder"):
            importlib.import_module(again.prefix + ".entry")
    finally:
        again.close()


def test_code_of_a_closed_namespace_says_that_it_was_replaced(make):
    loaded = make({"entry.py": "def lazy():\n    import utils", "utils.py": ""})
    module = loaded.load()
    loaded.namespace.close()
    with pytest.raises(ImportError, match="replaced by newer code"):
        module.lazy()
    assert not [name for name in sys.modules if name.startswith(loaded.namespace.prefix)]


def test_two_sandboxes_in_one_process_do_not_share_a_prefix(make):
    files = {"entry.py": "x = []"}
    assert make(files, "same", 1, "a").namespace.prefix != make(files, "same", 1, "b").namespace.prefix


def test_plain_text():
    assert plain_text("<class 'sandbox_workers.a_g1.utils.X'> and sandbox_workers.b_g2.m") == "<class 'utils.X'> and m"
