"""ETags for answers that are the same for everybody until films or model change."""

import hashlib
from typing import Annotated

from fastapi import Header, Request, Response

from api.context import OnShelf


class NotModified(Exception):
    """The caller has the newest answer already. The API answers 304 without a body."""

    def __init__(self, etag: str) -> None:
        super().__init__(etag)
        self.etag = etag


async def etag(
    response: Response, shelf: OnShelf, if_none_match: Annotated[str | None, Header(max_length=1_000)] = None
) -> None:
    """Add an ETag to the answer.

    Raises:
        NotModified: the caller has this answer already.
    """
    held = shelf.films.catalogue
    edition = (shelf.version, held and (held.fingerprint, held.loaded_at))
    mark = f'W/"{hashlib.sha256(repr(edition).encode()).hexdigest()[:20]}"'
    if if_none_match is not None and mark in (part.strip() for part in if_none_match.split(",")):
        raise NotModified(mark)
    response.headers.update({"ETag": mark, "Cache-Control": "private, no-cache"})


async def not_modified(_: Request, error: NotModified) -> Response:
    return Response(status_code=304, headers={"ETag": error.etag, "Cache-Control": "private, no-cache"})
