"""The tables. Their names and columns are a contract: other programs read them.

Every constraint has a name, so that Alembic can change it on both databases.
"""

from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

LANGUAGE_LENGTH = 16
"""Longest language code that is stored; "zh-Hant-TW" has ten characters."""

SITE_ID_LENGTH = 128
"""Longest id of a person on a site, in characters."""

TAG_LENGTH = 64
"""Longest tag of a data set that is stored, in characters."""


class UtcDateTime(TypeDecorator[datetime]):
    """A time that is aware UTC in Python. SQLite has no time zones and stores it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; the store takes aware times only")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[int]: JSON,
        bytes: LargeBinary,
    }


class CatalogueRow(Base):
    """One row: the data set that this database serves."""

    __tablename__ = "catalogue"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    dataset: Mapped[str] = mapped_column(String(200))
    fingerprint: Mapped[str] = mapped_column(String(64))
    simulated: Mapped[bool]
    feedback: Mapped[str] = mapped_column(String(16))
    terms: Mapped[str] = mapped_column(Text)
    rating_count: Mapped[int] = mapped_column(BigInteger)
    user_count: Mapped[int]
    movie_count: Mapped[int]
    loaded_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(16))


class MovieRow(Base):
    """A title. The id is the data set's own."""

    __tablename__ = "movies"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column(Text)
    display_title: Mapped[str] = mapped_column(Text)
    alternative_titles: Mapped[list[str]]
    year: Mapped[int | None]
    imdb_id: Mapped[str | None] = mapped_column(String(16))
    tmdb_id: Mapped[int | None]
    rating_count: Mapped[int]
    mean_stars: Mapped[float | None]


class GenreRow(Base):
    __tablename__ = "genres"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)


class MovieGenreRow(Base):
    __tablename__ = "movie_genres"

    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True)
    genre_id: Mapped[int] = mapped_column(ForeignKey("genres.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int]


class UserRow(Base):
    """A person in the data, in the chat or on a site. ``id`` is dense and fits int32, as Spark's ALS needs."""

    __tablename__ = "users"
    # AUTOINCREMENT: the id of someone who was forgotten must never name somebody else.
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    telegram_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    dataset_user_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    # This is an index, not a constraint: SQLite adds a constraint only by copying the table, and dropping the old table
    # would delete everybody's ratings.
    site_id: Mapped[str | None] = mapped_column(String(SITE_ID_LENGTH), unique=True, index=True)
    language: Mapped[str | None] = mapped_column(String(LANGUAGE_LENGTH))
    settings: Mapped[dict[str, Any]]
    active: Mapped[bool]
    created_at: Mapped[datetime]


class RatingRow(Base):
    """The current stars of (user, movie) from the chat. The data set's own ratings stay in Parquet."""

    __tablename__ = "ratings"
    __table_args__ = (CheckConstraint("stars >= 0.5 AND stars <= 5.0", name="stars"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id"), primary_key=True)
    stars: Mapped[float]
    rated_at: Mapped[datetime]


class RatingEventRow(Base):
    """One event: a film rated, changed or removed. Rows are only appended; they are the queue of the next training.

    ``model_version`` is null until a published model has used the event. A run marks exactly the events that it read,
    so an event that is committed late or out of order is never lost.
    """

    __tablename__ = "rating_events"
    __table_args__ = (
        Index(None, "user_id", "movie_id", "id"),
        CheckConstraint("act IN ('rated', 'changed', 'removed')", name="act"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id"))
    act: Mapped[str] = mapped_column(String(16))
    stars: Mapped[float | None]
    previous_stars: Mapped[float | None]
    happened_at: Mapped[datetime]
    rated_at: Mapped[datetime | None]
    """When the stars were given, where that is another time: a file tells it, or an undo brings them back."""
    model_version: Mapped[int | None] = mapped_column(index=True)


class DismissalRow(Base):
    """A film that picks leave out: seen, not for me, or on the watchlist."""

    __tablename__ = "dismissals"
    __table_args__ = (CheckConstraint("kind IN ('seen', 'not_for_me', 'watchlist')", name="kind"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    dismissed_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    import_number: Mapped[int | None]
    """Which of their imports put it here; null where they did so by hand."""


class ModelVersionRow(Base):
    """A trained model: how it was made, its metrics, its state."""

    __tablename__ = "model_versions"
    __table_args__ = (
        CheckConstraint("state IN ('candidate', 'live', 'retired', 'rejected')", name="state"),
        {"sqlite_autoincrement": True},
    )

    version: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    dataset: Mapped[str] = mapped_column(String(200))
    dataset_fingerprint: Mapped[str] = mapped_column(String(64))
    hyperparameters: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    counts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]


class ItemFactorsRow(Base):
    """A film's factors in both models, as little-endian float32. The bot folds ratings in with them."""

    __tablename__ = "item_factors"

    model_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    movie_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    preference: Mapped[bytes]
    rating: Mapped[bytes]
    bias: Mapped[float]


# The bulk tables have no foreign keys: a million users' lists are written in chunks beside the live ones, and the
# publish step checks them as a whole.


class RecommendationRow(Base):
    __tablename__ = "recommendations"
    __table_args__ = {"sqlite_with_rowid": False}

    model_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    movie_id: Mapped[int]
    score: Mapped[float]
    predicted_stars: Mapped[float | None]
    """Null for play counts, where there are no stars to predict from."""


class SimilarMovieRow(Base):
    __tablename__ = "similar_movies"
    __table_args__ = {"sqlite_with_rowid": False}

    model_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    movie_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    similar_movie_id: Mapped[int]
    similarity: Mapped[float]
    # Evidence for the similarity beyond the catalogue; null if there is none.
    times_chance: Mapped[float | None]
    shared_tag: Mapped[str | None] = mapped_column(String(TAG_LENGTH))


class RunRow(Base):
    """One execution of the pipeline, asked for by a person, the schedule or the number of new ratings."""

    __tablename__ = "runs"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    asked_by: Mapped[str] = mapped_column(String(64))
    options: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    stage: Mapped[str | None] = mapped_column(String(16))
    fraction: Mapped[float]
    detail: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    cancel_asked: Mapped[bool]
    # The person who cancelled the run, in the form of ``asked_by``.
    cancelled_by: Mapped[str | None] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(Text)
    metrics: Mapped[dict[str, Any]]
    model_version: Mapped[int | None]
    # 1 while waiting or running, null once finished. Unique, so at most one run is open: the database settles a race
    # between two admins or two engines. A partial index would say the same, but Alembic cannot compare those on SQLite.
    open_slot: Mapped[int | None] = mapped_column(unique=True)
    # The name of the lock that the process which took the run holds while it lives.
    holder: Mapped[str | None] = mapped_column(String(32))


class RunWatcherRow(Base):
    """A chat message that shows a run's progress. It is in the database so that the bot updates it after a restart
    too."""

    __tablename__ = "run_watchers"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    message_id: Mapped[int]
    language: Mapped[str | None] = mapped_column(String(LANGUAGE_LENGTH))


class NightRow(Base):
    """An evening for which a group looks for a film. It is deleted, with its guests, some hours after it began."""

    __tablename__ = "nights"
    # AUTOINCREMENT: the buttons of an evening that is over must never name a later one.
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    # The chat's id until the poll, then null. It is unique, so a group has one open evening, and the database settles a
    # race between two people who begin one.
    open_chat_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    message_id: Mapped[int | None]
    language: Mapped[str | None] = mapped_column(String(LANGUAGE_LENGTH))
    wish: Mapped[dict[str, Any]]
    proposals: Mapped[list[int]]
    passed_over: Mapped[list[int]]
    begun_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)


class NightGuestRow(Base):
    """A guest of an evening. ``name`` is kept as long as the evening, to list the guests."""

    __tablename__ = "night_guests"

    night_id: Mapped[int] = mapped_column(ForeignKey("nights.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    name: Mapped[str] = mapped_column(String(64))
    joined_at: Mapped[datetime]


class DigestRow(Base):
    """Someone who asked for weekly picks. ``next_at`` is null once they want none any more; ``shown`` are the films of
    earlier digests."""

    __tablename__ = "digests"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    next_at: Mapped[datetime | None] = mapped_column(index=True)
    shown: Mapped[list[int]]


class RunNoticeRow(Base):
    """An admin who has been told how a run ended. It is in the database so that after a restart the bot tells nobody
    twice."""

    __tablename__ = "run_notices"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    telegram_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class TrialRow(Base):
    """One hyperparameter setting measured. ``search`` names the data, the split and the phase that it belongs to."""

    __tablename__ = "trials"
    __table_args__ = (Index(None, "search", "setting", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    search: Mapped[str] = mapped_column(String(128))
    setting: Mapped[str] = mapped_column(String(256))
    model: Mapped[str] = mapped_column(String(16))
    phase: Mapped[int]
    hyperparameters: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    seconds: Mapped[float]
    finished_at: Mapped[datetime]


class PictureRow(Base):
    """A picture for admins, drawn after the last training. Each kind has one name and one row."""

    __tablename__ = "pictures"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    png: Mapped[bytes]
    facts: Mapped[dict[str, Any]]
    drawn_at: Mapped[datetime]


class PortraitRow(Base):
    """A picture of somebody's taste that they asked for. ``sheet`` says what it shows, and is all that drawing needs.

    ``drawn_at`` is null while it waits for an engine, ``png`` null then, from when it is sent, and where it could not
    be drawn. ``file_id`` is Telegram's name of the picture that was sent.
    """

    __tablename__ = "portraits"
    # Engine and bot look for unsent ones all the time.
    __table_args__ = (Index(None, "sent_at", "asked_at"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    sheet: Mapped[dict[str, Any]]
    language: Mapped[str | None] = mapped_column(String(LANGUAGE_LENGTH))
    asked_at: Mapped[datetime]
    png: Mapped[bytes | None]
    drawn_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    file_id: Mapped[str | None] = mapped_column(String(256))


class ApiKeyRow(Base):
    """A key to the API. Only the SHA-256 of its secret is stored. With a ``user_id`` it is a token for that person
    alone, and is deleted with them."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("scope IN ('read', 'write', 'admin', 'person')", name="scope"),
        # AUTOINCREMENT: the number is part of the key's text, so the number of a deleted key must never name another.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    digest: Mapped[bytes]
    scope: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    per_minute: Mapped[int | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class ApiAnswerRow(Base):
    """The answer to a call with an idempotency key, so that the same call again gets the same answer. It is kept for a
    day."""

    __tablename__ = "api_answers"

    key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    call: Mapped[bytes]
    """SHA-256 of the call."""

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    answer: Mapped[dict[str, Any]]
    answered_at: Mapped[datetime] = mapped_column(index=True)


class InboxRow(Base):
    """An update that Telegram has sent. ``body`` is null once it has been handled; the row then only serves to
    recognise a repeat.

    ``digest`` is a hash of the body: another Telegram server (a test's, or that of another bot) may use the same update
    ids. ``answered`` says that an answer may have been sent, ``tries`` how often handling has been tried again.
    """

    __tablename__ = "inbox"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    update_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    digest: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[str | None] = mapped_column(Text)
    answered: Mapped[bool]
    tries: Mapped[int]


class ShownFilmRow(Base):
    """A film that a model's list showed somebody, and when first; when they first opened it there. Kept for 90 days,
    under our number of the person."""

    __tablename__ = "shown_films"
    __table_args__ = {"sqlite_with_rowid": False}

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    model_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    movie_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shown_at: Mapped[datetime] = mapped_column(index=True)
    opened_at: Mapped[datetime | None]


class InviteRow(Base):
    """A link that lets people in if not everybody may talk to the bot. It is deleted when it is revoked."""

    __tablename__ = "invites"
    # AUTOINCREMENT: the button of a revoked link must not name a later one.
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    uses_left: Mapped[int]
    made_at: Mapped[datetime]


class AdmissionRow(Base):
    """Somebody who was let in by an invitation link."""

    __tablename__ = "admissions"

    telegram_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    admitted_at: Mapped[datetime]


class AllowanceRow(Base):
    """How much of a daily allowance somebody has used today."""

    __tablename__ = "allowances"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    day: Mapped[date]
    spent: Mapped[int]


class LinkCodeRow(Base):
    """A code by which a site's person may become one with a person of the chat; one for each, good for minutes. Codes
    are kept as digests only."""

    __tablename__ = "link_codes"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[datetime]


class LinkRow(Base):
    """Somebody of the chat who is a site's person too. ``brought`` is what the site's person had when they were linked,
    the events are the acts that brought it: what unlinking puts back."""

    __tablename__ = "links"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    brought: Mapped[dict[str, Any]]
    first_event: Mapped[int | None] = mapped_column(BigInteger)
    last_event: Mapped[int | None] = mapped_column(BigInteger)
    linked_at: Mapped[datetime]


class LiveRow(Base):
    """One row: the live version. Publishing changes this row."""

    __tablename__ = "live"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    model_version: Mapped[int] = mapped_column(ForeignKey("model_versions.version"))


def table(row: type[Base]) -> Table:
    """Return the table of a declared row class."""
    return cast(Table, row.__table__)
