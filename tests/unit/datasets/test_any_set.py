"""Properties that hold for any ratings and any titles."""

import csv
import io
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.datasets import silent
from engine.datasets.parquet import Spool
from engine.datasets.ratings import Chunk
from engine.domain import Feedback
from tests.unit.datasets.sets import HEADER, SmallSet, unusable

rows = st.lists(
    st.tuples(st.integers(-3, 3), st.integers(1, 4), st.sampled_from([0.5, 2.0, 5.0]), st.integers(0, 3)), min_size=1
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(rows=rows, cut=st.integers(1, 5), rows_per_part=st.integers(1, 5))
def test_parts_hold_what_a_dictionary_would(tmp_path_factory, rows, cut, rows_per_part):
    folder, ids = tmp_path_factory.mktemp("parts"), np.arange(1, 5)
    expected: dict[tuple[int, int], tuple[int, float]] = {}
    for user, film, stars, time in rows:
        if time >= expected.get((user, film), (-1, 0.0))[0]:
            expected[user, film] = (time, stars)

    with Spool(folder / "spool", Feedback.STARS) as spool:
        for start in range(0, len(rows), cut):
            users, films, stars, times = (np.array(column) for column in zip(*rows[start : start + cut], strict=True))
            spool.add(Chunk(np.arange(len(users)), users, films, stars, times))
        our_ids = (10 - spool.users()).astype(np.int32)  # ours run against theirs
        written = spool.write(folder / "ratings", our_ids, ids, silent, rows_per_part=rows_per_part)

    parts = [pq.read_table(part).to_pylist() for part in sorted((folder / "ratings").iterdir())]
    table = [row for part in parts for row in part]
    assert {(10 - row["user_id"], row["movie_id"]): row["stars"] for row in table} == {
        pair: stars for pair, (_, stars) in expected.items()
    }
    assert [(row["user_id"], row["movie_id"]) for row in table] == sorted((10 - u, m) for u, m in expected)
    for one, next_one in pairwise(parts):
        assert one[-1]["user_id"] != next_one[0]["user_id"], "nobody is in two parts"
    assert written.ratings + written.repeated == len(rows)
    assert written.users == len({user for user, _ in expected})
    assert written.counts.tolist() == [sum(film == each for _, film in expected) for each in ids]
    assert written.sums.tolist() == [
        sum(stars for (_, film), (_, stars) in expected.items() if film == each) for each in ids
    ]
    assert not (folder / "spool").exists()


printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
titles = st.tuples(printable, st.sampled_from(["", '"', ",", "\n", '""', "::", "|", "é", "、"]), printable).map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(titles=st.lists(titles.filter(str.strip), min_size=1, max_size=5), line_end=st.sampled_from(["\n", "\r\n"]))
def test_any_title_that_a_csv_writer_wrote_comes_back(tmp_path_factory, titles, line_end):
    world = SmallSet(tmp_path_factory.mktemp("titles"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerow(["movieId", "title", "genres"])
    writer.writerows([number, title, "Drama"] for number, title in enumerate(titles))
    world.write(ratings_csv=HEADER + "7,0,3,1\n", movies_csv=text.getvalue())
    report = world.load()
    assert [world.store.films[number].title for number in range(len(titles))] == titles
    assert unusable(report) == []
