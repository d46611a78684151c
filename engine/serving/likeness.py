"""Explains why one film is like another. Pure: it follows from the catalogue and from the evidence that the training
stored with the list of similar films."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.domain import Film
from engine.serving.library import Films
from engine.store import SimilarFilm


@dataclass(frozen=True, slots=True)
class Likeness:
    """What two films share.

    ``same_people``: clearly more people like both than by chance. ``tag`` is what people call both, as the data set
    has it; ``genres`` are those of both.
    """

    film: Film
    same_series: bool = False
    same_people: bool = False
    tag: str | None = None
    genres: tuple[str, ...] = ()


def likenesses(films: Films, film: Film, others: Sequence[Film], published: Sequence[SimilarFilm]) -> list[Likeness]:
    """Return what each of ``others`` shares with ``film``, in the order of ``others``."""
    stored = {line.movie_id: line for line in published}
    series = films.parts[film.id].series if film.id in films.parts else None
    found = []
    for other in others:
        line, part = stored.get(other.id), films.parts.get(other.id)
        found.append(
            Likeness(
                other,
                same_series=part is not None and part.series == series,
                same_people=line is not None and line.times_chance is not None,
                tag=line.shared_tag if line else None,
                genres=tuple(genre for genre in film.genres if genre in other.genres),
            )
        )
    return found
