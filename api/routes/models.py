"""Models: live, past, their figures; and back to an earlier one."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Path, Response
from pydantic import BaseModel

from api.context import InStore, Now
from api.guard import site
from api.problems import Problem, may_answer
from api.routes import Routes
from engine.domain import ModelState
from engine.store import DataShown, ModelsShown, ModelVersion, Reception, Scope, Store

READS, ADMINS = [Depends(site(Scope.READ))], [Depends(site(Scope.ADMIN))]

router = Routes(prefix="/v1", tags=["models"], responses=may_answer(401, 403, 422, 429, 503))

Version = Annotated[int, Path(ge=1, le=2**31 - 1)]


class Received(BaseModel):
    """People's answer to a model's lists in the last 90 days: films shown, opened, rated afterwards, and rated with
    four stars and more."""

    shown: int
    opened: int
    rated: int
    liked: int


class Model(BaseModel):
    """A trained model: how it measured, what became of it and why."""

    version: int
    state: ModelState
    reason: str | None
    dataset: str
    created_at: datetime
    published_at: datetime | None
    metrics: dict[str, Any]
    counts: dict[str, Any]
    received: Received

    @classmethod
    def of(cls, version: ModelVersion, received: Mapping[int, Reception]) -> "Model":
        facts = {name: getattr(version, name) for name in cls.model_fields if name != "received"}
        taken = received.get(version.version, Reception())
        return cls(**facts, received=Received(**{name: getattr(taken, name) for name in Received.model_fields}))


class Models(BaseModel):
    """Newest first. ``live`` is the version that is served; null before the first training."""

    live: int | None
    models: list[Model]


class PictureName(StrEnum):
    """``models``: how one after the other measured. ``data``: what the ratings are like."""

    MODELS = "models"
    DATA = "data"


SHOWS: dict[PictureName, type[Any]] = {PictureName.MODELS: ModelsShown, PictureName.DATA: DataShown}


@router.get("/models", dependencies=READS)
def models(store: InStore) -> Models:
    """Return every model, its figures, and what became of it."""
    versions = sorted(store.model_versions(), key=lambda version: -version.version)
    received = store.receptions()
    return Models(live=store.live_version(), models=[Model.of(version, received) for version in versions])


@router.get("/models/live", dependencies=READS, responses=may_answer(404))
def live(store: InStore) -> Model:
    """Return the model that is served."""
    version = store.live_version()
    if version is None:
        detail = "nothing has been trained yet: POST /v1/runs"
        raise Problem(HTTPStatus.NOT_FOUND, "no_such_model", detail)
    return _model(store, version)


@router.get("/models/{version}", dependencies=READS, responses=may_answer(404))
def one_model(store: InStore, version: Version) -> Model:
    return _model(store, version)


@router.post("/models/{version}/rollback", dependencies=ADMINS, responses=may_answer(404))
def roll_back(store: InStore, now: Now, version: Version) -> Model:
    """Serve an earlier model again; the gate is not asked. Ratings that it has not learned from wait again."""
    store.rollback(version, now)
    return _model(store, version)


def _model(store: Store, version: int) -> Model:
    return Model.of(store.model_version(version), store.receptions())


class Pictures(BaseModel):
    """Those that there are."""

    pictures: list[PictureName]


@router.get("/pictures", dependencies=ADMINS)
def pictures(store: InStore) -> Pictures:
    """Return which pictures the last training drew."""
    return Pictures(pictures=[name for name in PictureName if store.picture(SHOWS[name]) is not None])


@router.get(
    "/pictures/{name}",
    dependencies=ADMINS,
    response_class=Response,
    responses={**may_answer(404), 200: {"content": {"image/png": {}}, "description": "A PNG."}},
)
def picture(store: InStore, name: PictureName) -> Response:
    """Return a picture that the last training drew."""
    drawn = store.picture(SHOWS[name])
    if drawn is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", "none has been drawn yet: the next training draws it")
    return Response(drawn.png, media_type="image/png")
