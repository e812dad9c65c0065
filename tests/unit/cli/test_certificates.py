"""Certificates read late are read all the same."""

from __future__ import annotations

import ssl

from sandbox.cli.certificates import read_later


def trusted(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509_ca"]


def test_contexts_made_meanwhile_are_made_up_for():
    usual = ssl.create_default_context()
    with read_later() as make_up:
        late = ssl.create_default_context()
    assert trusted(late) == 0 or trusted(usual) == 0
    make_up()
    assert late.verify_mode == usual.verify_mode == ssl.CERT_REQUIRED
    assert late.get_ca_certs() == usual.get_ca_certs()


def test_afterwards_everything_is_as_before():
    original = ssl.SSLContext.load_default_certs
    with read_later():
        assert ssl.SSLContext.load_default_certs is not original
    assert ssl.SSLContext.load_default_certs is original
