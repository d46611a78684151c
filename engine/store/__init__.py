"""The store: the only SQL in the project, shared by engine and bot.

It has one method for each thing that we do. Each method is one short transaction; bulk writes are several. Methods are
synchronous, and the bot calls them through ``asyncio.to_thread``. Every method may raise ``StoreUnavailable`` if the
database is down, locked or not migrated.
"""

from engine.store.allowances import AllowanceStore, EnoughForToday, Limited
from engine.store.catalogue import CatalogueStore
from engine.store.chat.digests import Digest, DigestStore
from engine.store.chat.door import DoorStore, Invite
from engine.store.chat.inbox import InboxStore, WaitingUpdate
from engine.store.chat.nights import Guest, Night, NightStore
from engine.store.chat.shown import Reception, Shown, ShownStore
from engine.store.database import DatabaseMoved, StoreError, StoreUnavailable
from engine.store.keys import ApiKey, KeyStore, Scope, SiteStore
from engine.store.links import AlreadyLinked, Link, LinkStore, NoSuchCode, read_code
from engine.store.models import (
    ModelStore,
    ModelVersion,
    NoSuchVersion,
    PublishRefused,
    Queue,
    Recommendation,
    SimilarFilm,
    SimilarRow,
    live_when_trained,
)
from engine.store.people import Dismissal, Event, NoSuchFilm, PeopleStore, Person, Put, RatingChange, Taste, UndoTooLate
from engine.store.pictures import Course, DataShown, Decade, ModelsShown, Picture, PictureStore, Spread, StarsGiven
from engine.store.portraits import Bar, FinishedPortrait, Panel, PortraitStore, Sheet, WaitingPortrait
from engine.store.runs import Run, RunAlreadyOpen, RunStore, StoredTrial, Watcher

__all__ = [
    "AlreadyLinked",
    "ApiKey",
    "Bar",
    "Course",
    "DataShown",
    "DatabaseMoved",
    "Decade",
    "Digest",
    "Dismissal",
    "EnoughForToday",
    "Event",
    "FinishedPortrait",
    "Guest",
    "Invite",
    "Limited",
    "Link",
    "ModelVersion",
    "ModelsShown",
    "Night",
    "NoSuchCode",
    "NoSuchFilm",
    "NoSuchVersion",
    "Panel",
    "Person",
    "Picture",
    "PublishRefused",
    "Put",
    "Queue",
    "RatingChange",
    "Reception",
    "Recommendation",
    "Run",
    "RunAlreadyOpen",
    "Scope",
    "Sheet",
    "Shown",
    "SimilarFilm",
    "SimilarRow",
    "Spread",
    "StarsGiven",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "StoredTrial",
    "Taste",
    "UndoTooLate",
    "WaitingPortrait",
    "WaitingUpdate",
    "Watcher",
    "live_when_trained",
    "read_code",
]


class Store(
    CatalogueStore,
    PeopleStore,
    ModelStore,
    RunStore,
    NightStore,
    DigestStore,
    PictureStore,
    PortraitStore,
    KeyStore,
    SiteStore,
    LinkStore,
    InboxStore,
    ShownStore,
    DoorStore,
    AllowanceStore,
):
    """Reads and writes everything that Matinee keeps. ``Store(url)`` connects on first use."""
