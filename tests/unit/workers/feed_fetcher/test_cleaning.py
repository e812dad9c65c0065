import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain  words\nhere", "plain words here"),
        ("<p>One</p><p>Two<br>three</p>", "One\nTwo\nthree"),
        ("a &amp; b &lt;c&gt; &nbsp;d &#8364; &#x20ac;", "a & b <c> d € €"),
        ("<a href='javascript:alert(1)'>link</a>", "link"),
        ("before<script>alert('</p>')</script>after", "beforeafter"),
        ("x<SCRIPT src=a>evil</SCRIPT >y", "xy"),
        ("x<svg onload=alert(1)><svg><text>evil</text></svg>evil</svg>y", "xy"),
        ("x<style>p{}</style><!-- evil --><iframe>evil</iframe>y", "xy"),
        ("x<template>evil</template><math><mi>evil</mi></math>y", "xy"),
        ("<img src=x onerror='alert(1)' alt='a > b'>text", "text"),
        ('<p title="a > b">text</p>', "text"),
        ("<script>never closed", ""),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("safe\u202etxt.exe\u200b\x00", "safetxt.exe"),
        ("e\u0301", "é"),
        ("<p", ""),
        ("&#99999999999999999999;", "\ufffd"),
    ],
)
def test_html_becomes_the_words_a_reader_sees(fetcher, html, text):
    assert fetcher.cleaning.html_to_text(html) == text


@given(st.lists(st.sampled_from([*"<>/!-'\"= &;#xabp\n\r\t\x00\x85\u2028", "script", "svg", "<p>", "<!--", "-->"])))
def test_any_markup_gives_tidy_text(fetcher, pieces):
    text = fetcher.cleaning.html_to_text("".join(pieces))
    assert text == text.strip() and "\n\n" not in text and "  " not in text
    assert not any(unicodedata.category(char) == "Cc" for char in text.replace("\n", ""))


@given(st.text())
def test_text_without_markup_survives(fetcher, text):
    words = [word for word in text.replace("<", " ").replace("&", " ").split() if word.isascii() and word.isprintable()]
    assert fetcher.cleaning.html_to_text(" ".join(words)) == " ".join(words)


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<div ",
        "<!--",
        "<!",
        "<?",
        "<script>",
        "</a \"'",
        "<a b='",
        '<a b="',
        "&#",
        "&#1",
        "<svg>",
        "<script></",
        "a <b",
    ]
    + [" \n", "<a b='\"<a b=\"'"],
)
def test_hostile_markup_takes_linear_time(fetcher, piece):
    started = time.perf_counter()
    fetcher.cleaning.html_to_text(piece * (fetcher.cleaning.MAX_HTML // len(piece)))
    assert time.perf_counter() - started < 2


def test_words_are_counted_as_a_reader_would(fetcher):
    assert fetcher.cleaning.count_words("It's a well-known fact: 3.5 million, no more!") == 8
    assert fetcher.cleaning.count_words("…—!") == 0


def test_shortened_text_ends_between_words(fetcher):
    assert fetcher.cleaning.shorten("one two three", 10) == "one two…"
    assert fetcher.cleaning.shorten("one", 10) == "one"
    assert len(fetcher.cleaning.shorten("x" * 50, 10)) == 10
