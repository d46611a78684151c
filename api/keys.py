"""Keys: their form, the hashes of their secrets, those in use, and their rate limits. No I/O; randomness and a clock.

A key is ``matinee_<number>_<secret>``. The number finds its row. The secret has 256 random bits, so one round of
SHA-256 is as good as any number of them, and fast. It is compared in constant time.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.store import ApiKey, Scope

FORM = re.compile(r"matinee_(\d{1,9})_([A-Za-z0-9_-]{43})", re.ASCII)

NOBODYS = bytes(32)
"""A digest to compare with if there is no such key, so that the answer takes equally long."""

REMEMBERED_SECONDS = 1.0
"""A key of the site that is revoked opens nothing after this long."""

MOST_CALLERS = 10_000
"""Number of callers whose rate is remembered. Beyond it, the one silent for longest is forgotten."""


def new_secret() -> tuple[str, bytes]:
    """Return a secret and its digest; only the digest may be stored."""
    secret = secrets.token_urlsafe(32)
    return secret, digest_of(secret)


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def spell(number: int, secret: str) -> str:
    """Return the text of a key, which is shown once."""
    return f"matinee_{number}_{secret}"


def parse(key: str) -> tuple[int, str] | None:
    """Return number and secret of a key that somebody sent, or None if it does not have the form of a key."""
    found = FORM.fullmatch(key)
    return None if found is None else (int(found[1]), found[2])


def is_secret_of(digest: bytes | None, secret: str) -> bool:
    """Return whether ``digest`` belongs to this secret. It takes equally long for every answer, also without a
    digest."""
    return hmac.compare_digest(digest or NOBODYS, digest_of(secret)) and digest is not None


@dataclass(slots=True)
class KnownKeys:
    """Remembers the site's own keys for ``REMEMBERED_SECONDS``, because the database need not be asked about the same
    key a hundred times a second.

    A person's token is not remembered: it goes with the person at once.
    """

    monotonic: Callable[[], float] = time.monotonic
    _held: dict[int, tuple[ApiKey, float]] = field(default_factory=dict)

    def get(self, number: int) -> ApiKey | None:
        """Return a key that was read a moment ago, or None."""
        key, until = self._held.get(number, (None, 0.0))
        return key if self.monotonic() < until else None

    def put(self, key: ApiKey) -> None:
        """Remember a key that has just been read."""
        if key.scope is not Scope.PERSON:
            self._held[key.id] = key, self.monotonic() + REMEMBERED_SECONDS


@dataclass(slots=True)
class Limits:
    """Limits each caller's rate: a minute's calls may come at once, then as fast as the allowance refills.

    It counts this process alone. With several workers each has its own limits, so give each its share.
    """

    monotonic: Callable[[], float] = time.monotonic
    _left: OrderedDict[object, tuple[float, float]] = field(default_factory=OrderedDict)

    def seconds_to_wait(self, caller: object, per_minute: float) -> float:
        """Count one call. Return 0, or how long the caller must wait before the next is answered.

        Source: the token bucket (Turner 1986).
        """
        now = self.monotonic()
        left, then = self._left.pop(caller, (per_minute, now))
        left = min(per_minute, left + (now - then) * per_minute / 60)
        wait = 0.0 if left >= 1 else (1 - left) * 60 / per_minute
        self._left[caller] = (left - 1 if not wait else left, now)
        if len(self._left) > MOST_CALLERS:
            self._left.popitem(last=False)
        return wait
