"""`FormData` and its encodings."""

import js
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.runtime.values import JsArray, JsException, JsObject, jsnull
from sandbox.runtime.web.formdata import encode_form, parse_form

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\%"), min_size=1, max_size=8).filter(
    lambda name: "\r" not in name and "\n" not in name
)


def form_of(*entries):
    form = js.FormData.new()
    for entry in entries:
        form.append(*entry)
    return form


def test_entries():
    form = form_of(("a", 1), ("b", "x"), ("a", None))
    assert [list(entry) for entry in form.entries()] == [["a", "1"], ["b", "x"], ["a", "undefined"]]
    assert list(form.getAll("a")) == ["1", "undefined"]
    form.set("a", "z")
    assert (form.get("a"), form.get("q"), form.has("b")) == ("z", jsnull, True)
    assert list(form.keys()) == ["a", "b"]
    form.delete("a")
    assert "a" not in form


def test_blobs_become_files():
    form = form_of(("a", js.Blob.new(JsArray(["x"]), type="t/p")), ("b", js.Blob.new(), "n.json"))
    assert (form["a"].constructor.name, form["a"].name, form["a"].type) == ("File", "blob", "t/p")
    assert form["b"].name == "n.json"


@given(st.lists(st.tuples(names, texts | st.binary(max_size=40)), max_size=5))
def test_multipart_round_trip(entries):
    form = js.FormData.new()
    for name, value in entries:
        if isinstance(value, bytes):
            form.append(name, js.Blob.new(JsArray([js.Uint8Array.new(value)]), type="a/b"), 'f"ile')
        else:
            form.append(name, value)
    back = parse_form(*encode_form(form))
    assert [name for name, _ in back._list] == [name for name, _ in entries]
    for (_, value), (_, found) in zip(entries, back._list, strict=True):
        if isinstance(value, bytes):
            assert (found._data, found.name, found.type) == (value, 'f"ile', "a/b")
        else:
            assert found == value


@given(st.lists(st.tuples(texts, texts), max_size=5))
async def test_urlencoded_round_trip(entries):
    params = js.URLSearchParams.new(entries)
    form = await js.Response.new(params).formData()
    assert [tuple(entry) for entry in form] == entries


async def test_forms_through_messages():
    form = form_of(("field", "line\nbreak"), ("up", js.File.new(JsArray(["data"]), "ü.txt", type="text/x")))
    response = js.Response.new(form)
    assert response.headers.get("content-type").startswith("multipart/form-data; boundary=")
    back = await response.formData()
    assert back.get("field") == "line\r\nbreak", "line breaks of values are normalised"
    assert (back.get("up").name, await back.get("up").text()) == ("ü.txt", "data")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\nno headers", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\nno name\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\ncut', "multipart/form-data; boundary=x"),
        (b"a=b", "multipart/form-data"),
        (b"a=b", "text/plain"),
        (b"a=b", ""),
    ],
)
def test_malformed_forms(body, content_type):
    with pytest.raises(JsException, match="^TypeError"):
        parse_form(body, content_type)


def test_foreign_multipart():
    body = (
        b"preamble\r\n--B\r\ncontent-disposition: form-data; name=plain\r\n\r\nv\r\n"
        b'--B \r\nContent-Type: image/png\r\nContent-Disposition: form-data; filename="p.png"; name="file"\r\n\r\n'
        b"\x89PNG\r\n\r\n--B--\r\nepilogue"
    )
    form = parse_form(body, 'multipart/form-data; charset=x; boundary="B"')
    assert form.get("plain") == "v"
    assert (form.get("file").name, form.get("file")._data, form.get("file").type) == (
        "p.png", b"\x89PNG\r\n", "image/png",
    )  # fmt: skip


def test_content_type_of_urlencoded():
    form = parse_form(b"a=1&a=%C3%BC+x", "application/x-www-form-urlencoded; charset=utf-8")
    assert list(form.getAll("a")) == ["1", "ü x"]
    assert JsObject({"a": form}).a is form
