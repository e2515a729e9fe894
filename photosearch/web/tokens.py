"""The token: who has it may ask.

In: what a request carries. Out: whether that is the token. A browser that has shown it once keeps
a cookie, which is made from the token and is not it. Nothing of a wrong one is kept but that there
was one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

SHORTEST = 6  # six digits are found in two months, at ten guesses a minute
_MONTH = 30 * 86400
_GUESSES = 10  # different wrong tokens from one address
_WINDOW = 60.0  # seconds in which they are counted
_ADDRESSES = 1000  # of which they are remembered


def new_token() -> str:
    """A token that nobody guesses, of letters that need no quoting."""
    return secrets.token_hex(12)


class Gate:
    """Knows the token of one server."""

    def __init__(self, token: str, port: int, *, secure: bool = False) -> None:
        """secure: browsers reach it by https alone."""
        self._token = token.encode()
        self._secure = "; Secure" if secure else ""
        # Browsers send cookies to every port of a host: others must not be overwritten by ours.
        self.cookie = f"photosearch-{port}"
        self._sealed = hmac.new(self._token, b"photosearch cookie", hashlib.sha256).hexdigest()
        self._wrong: dict[str, tuple[float, set[bytes]]] = {}
        self._salt = secrets.token_bytes(16)

    def is_shown(self, shown: Iterable[str], cookies: str) -> bool:
        """Whether one of some tokens is right, or a cookie among those of a request."""
        right = False
        for one in shown:
            right |= hmac.compare_digest(one.encode("utf-8", "surrogateescape"), self._token)
        for kept in _cookies(cookies, self.cookie):
            right |= hmac.compare_digest(kept.encode(), self._sealed.encode())
        return right

    def set_cookie(self) -> str:
        """The header that lets a browser keep it. A script cannot read it, nor a link use it."""
        kept = f"{self.cookie}={self._sealed}; Path=/; Max-Age={_MONTH}"
        return f"{kept}; HttpOnly; SameSite=Strict{self._secure}"

    def is_guessing(self, address: str) -> bool:
        """Whether so many wrong tokens came from an address that none of it is looked at now."""
        since, wrong = self._wrong.get(address, (0.0, set()))
        if time.monotonic() - since > _WINDOW:
            self._wrong.pop(address, None)
            return False
        return len(wrong) >= _GUESSES

    def note_wrong(self, address: str, shown: Iterable[str], cookies: str) -> None:
        """Count a wrong one; the same one again is somebody's old bookmark, not a guess."""
        now = time.monotonic()
        since, wrong = self._wrong.get(address, (now, set()))
        for one in (*shown, *_cookies(cookies, self.cookie)):
            guess = self._salt + one.encode("utf-8", "surrogateescape")
            wrong.add(hashlib.sha256(guess).digest()[:8])
        if wrong:
            self._wrong.pop(address, None)
            self._wrong[address] = (since, wrong)
            while len(self._wrong) > _ADDRESSES:
                del self._wrong[next(iter(self._wrong))]


def _cookies(header: str, name: str) -> list[str]:
    # SimpleCookie gives up at the first cookie of others that it finds odd.
    found = []
    for part in header.split(";"):
        try:
            jar = SimpleCookie(part.strip())
        except CookieError:
            continue
        if name in jar:
            found.append(jar[name].value)
    return found
