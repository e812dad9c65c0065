"""Checking JSON data against annotations: what passes, and the path of what does not."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.handshake.schema import ProtocolError, Schema, Synonyms, to_plain


@dataclass
class Article:
    title: str
    words: int = 0
    score: float | None = None
    tags: list[str] = field(default_factory=list)


@dataclass
class Batch:
    articles: list[Article]
    kind: Literal["news", "blog"] = "news"
    more: Batch | None = None


class Query(TypedDict):
    topic: str
    depth: NotRequired[int]


class Settings:
    language: str
    limits: list[int] = [1, 2]


@dataclass
class Renamed:
    topic: Annotated[str, Synonyms("query", "q")]


@dataclass
class Picky:
    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size must be at least 1, not {self.size}")


def wrong(schema: Any, value: Any) -> str:
    with pytest.raises(ProtocolError) as caught:
        Schema(schema).check(value)
    return str(caught.value)


def test_dataclasses_become_instances_with_defaults() -> None:
    batch = Schema(Batch).check({"articles": [{"title": "a"}, {"title": "b", "words": 3.0, "extra": 1}], "x": 1})
    assert batch == Batch([Article("a"), Article("b", 3)])
    assert type(batch.articles[1].words) is int
    assert batch.articles[0].tags is not batch.articles[1].tags


def test_typed_dicts_stay_plain_and_keep_unknown_fields() -> None:
    assert Schema(Query).check({"topic": "x", "other": 1}) == {"topic": "x", "other": 1}
    assert wrong(Query, {"depth": 1}) == "topic: missing, expected a string"


def test_annotated_classes_become_instances_that_share_nothing() -> None:
    first, second = (Schema(Settings).check({"language": "en"}) for _ in range(2))
    first.limits.append(3)
    assert (second.limits, first.language) == ([1, 2], "en")


def test_synonyms_are_taken_in_order_and_errors_name_the_field_given() -> None:
    assert Schema(Renamed).check({"q": "late", "query": "soon"}).topic == "soon"
    assert Schema(Renamed).check({"topic": "first", "query": "soon"}).topic == "first"
    assert wrong(Renamed, {"q": 3}) == "q: expected a string, got the number 3"
    assert wrong(Renamed, {}) == "topic: missing, expected a string"


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        (
            Batch,
            {"articles": [{"title": "a"}] * 3 + [{"title": None}]},
            "articles[3].title: expected a string, got null",
        ),
        (Batch, {}, "articles: missing, expected an array"),
        (Batch, [], "expected an object, got an array"),
        (Batch, {"articles": {}}, "articles: expected an array, got an object"),
        (Batch, {"articles": [], "kind": "spam"}, "kind: expected 'news' or 'blog', got 'spam'"),
        (Batch, {"articles": [{"title": "a", "words": True}]}, "articles[0].words: expected an integer, got true"),
        (
            Batch,
            {"articles": [{"title": "a", "words": 1.5}]},
            "articles[0].words: expected an integer, got the number 1.5",
        ),
        (
            Batch,
            {"articles": [{"title": "a", "score": "1"}]},
            "articles[0].score: expected a number or null, got a string",
        ),
        (Batch, {"articles": [], "more": {"articles": [7]}}, "more.articles[0]: expected an object, got the number 7"),
        (dict[str, list[int]], {"a": [1, "x"]}, "a[1]: expected an integer, got a string"),
        (list[list[int]], [[1], [2, None]], "[1][1]: expected an integer, got null"),
        (str | list[str], 3, "expected a string or an array, got the number 3"),
        (str | list[str], ["a", 3], "[1]: expected a string, got the number 3"),
        (Literal[1, True], "x", "expected 1 or True, got 'x'"),
        (Picky, {"size": 0}, "size must be at least 1, not 0"),
    ],
)
def test_an_error_carries_the_path(schema: Any, value: Any, message: str) -> None:
    assert wrong(schema, value) == message


def test_a_path_can_be_given_from_outside() -> None:
    with pytest.raises(ProtocolError) as caught:
        Schema(Batch).check({"articles": [1]}, "input")
    assert caught.value.path == "input.articles[0]"
    assert caught.value.message == "expected an object, got the number 1"


def test_lenient_reading_takes_null_for_absent_only_where_there_is_a_default() -> None:
    assert Schema(Article, lenient=True).check({"title": "a", "words": None, "tags": None}) == Article("a")
    assert wrong(Article, {"title": "a", "words": None}) == "words: expected an integer, got null"
    with pytest.raises(ProtocolError, match="title: expected a string, got null"):
        Schema(Article, lenient=True).check({"title": None})


def test_an_annotation_without_meaning_in_json_is_named() -> None:
    with pytest.raises(TypeError, match="datetime.date"):
        Schema(list[date])


def test_to_plain_writes_objects_and_names_what_json_cannot_hold() -> None:
    settings = Schema(Settings).check({"language": "de"})
    batch = Batch([Article("a", 1, 0.5, ["t"])])
    assert to_plain({"batch": batch, "settings": settings, "pair": (1, 2)}) == {
        "batch": {
            "articles": [{"title": "a", "words": 1, "score": 0.5, "tags": ["t"]}],
            "kind": "news",
            "more": None,
        },
        "settings": {"language": "de", "limits": [1, 2]},
        "pair": [1, 2],
    }
    for value, message in [
        ({"a": [1, {"b": date(2026, 1, 1)}]}, "a[1].b: a Python date cannot be written as JSON"),
        ([float("nan")], "[0]: nan is no JSON number"),
        ({"a": {1: 2}}, "a: expected keys to be strings, got 1"),
        ({"a": {"x"}}, "a: a Python set cannot be written as JSON"),
    ]:
        with pytest.raises(ProtocolError) as caught:
            to_plain(value)
        assert str(caught.value) == message


articles = st.builds(
    Article,
    title=st.text(),
    words=st.integers(),
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    tags=st.lists(st.text()),
)


@given(st.builds(Batch, articles=st.lists(articles), kind=st.sampled_from(["news", "blog"]), more=st.none()))
def test_what_is_written_reads_back_the_same(batch: Batch) -> None:
    assert Schema(Batch).check(json.loads(json.dumps(to_plain(batch)))) == batch


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_any_json_is_taken_or_refused_with_a_reason(value: Any) -> None:
    try:
        assert isinstance(Schema(Batch).check(value), Batch)
    except ProtocolError as error:
        assert error.message
