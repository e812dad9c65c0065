"""A signed cookie, nothing more."""

import hashlib
import hmac

COOKIE = "tideline_session"


def sign(email: str, secret: str) -> str:
    mac = hmac.new(secret.encode(), email.encode(), hashlib.sha256).hexdigest()[:32]
    return f"{email}|{mac}"


def read(cookie: str | None, secret: str) -> str | None:
    email, _, mac = (cookie or "").partition("|")
    if mac and hmac.compare_digest(sign(email, secret), f"{email}|{mac}"):
        return email
    return None
