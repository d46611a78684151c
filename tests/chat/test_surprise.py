"""/surprise: one safe film, one near, one wild."""

from tests import world
from tests.chat.reading import rates
from tests.fakes import Person

GENRES = {f"{film.display_title} ({film.year})": set(film.genres) for film in world.FILMS}


def slots(text: str) -> dict[str, str]:
    """The film in each slot: {"Safe": "Rio Bravo (1959)", …}."""
    found = {}
    for line in text.splitlines():
        slot, _, rest = line.partition("  ")[2].partition(": ")
        if slot in ("Safe", "Near", "Wild"):
            found[slot] = rest.split(" · ")[0]
    return found


async def test_three_films_and_why_each(anna: Person):
    await rates(anna, high_noon="5", unforgiven="5", scream="1")
    await anna.says("/surprise")
    films = slots(anna.sees)
    assert list(films) == ["Safe", "Near", "Wild"]
    assert len(set(films.values())) == 3
    assert "Western" in GENRES[films["Safe"]]
    assert "Western" in GENRES[films["Near"]]
    assert "close to" in anna.sees
    assert not {"Western", "Drama"} & GENRES[films["Wild"]]


async def test_a_surprise_never_comes_twice(anna: Person):
    await rates(anna, high_noon="5", unforgiven="5", scream="1")
    await anna.says("/surprise")
    seen = set(slots(anna.sees).values())
    for _ in range(8):
        await anna.presses("Surprise me again")
        films = set(slots(anna.sees).values())
        assert not films & seen
        seen |= films
    assert not {"High Noon (1952)", "Unforgiven (1992)", "Scream (1996)"} & seen


async def test_the_end_of_all_surprises_is_said(anna: Person):
    await rates(anna, high_noon="5")
    await anna.says("/surprise")
    for _ in range(45):
        if not slots(anna.sees):
            break
        await anna.presses("Surprise me again")
    assert "Nothing is left" in anna.sees


async def test_a_stranger_gets_the_safe_one(anna: Person):
    await anna.says("/surprise")
    assert list(slots(anna.sees)) == ["Safe"]
    assert "Rate a few films, and I can surprise you better." in anna.sees


async def test_a_surprise_opens_its_card(anna: Person):
    await rates(anna, high_noon="5")
    await anna.says("/surprise")
    film = slots(anna.sees)["Wild"]
    await anna.presses("3")
    assert anna.sees.startswith(film)
