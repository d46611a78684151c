"""Parameters that routes get: the services built at start, the current shelf, the time."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request

from api.keys import KnownKeys, Limits
from api.settings import ApiSettings
from engine.clock import Clock, utc_now
from engine.serving.library import Library, Shelf
from engine.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """The services, built once at start and kept as ``request.app.state.services``."""

    settings: ApiSettings
    store: Store
    library: Library
    clock: Clock = utc_now
    known_keys: KnownKeys = field(default_factory=KnownKeys)
    limits: Limits = field(default_factory=Limits)


async def services_of(request: Request) -> Services:
    return cast(Services, request.app.state.services)


async def shelf_of(services: Annotated[Services, Depends(services_of)]) -> Shelf:
    return await services.library.shelf()


async def store_of(services: Annotated[Services, Depends(services_of)]) -> Store:
    return services.store


async def now_of(services: Annotated[Services, Depends(services_of)]) -> datetime:
    return services.clock()


Serving = Annotated[Services, Depends(services_of)]
OnShelf = Annotated[Shelf, Depends(shelf_of)]
InStore = Annotated[Store, Depends(store_of)]
Now = Annotated[datetime, Depends(now_of)]
