"""Folders and zips: where files may lie, and zips that are damaged or evil."""

import zipfile
from pathlib import Path

import pytest

from engine.datasets import DatasetError
from tests.unit.datasets.sets import HEADER, MOVIES, SmallSet


def zipped(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_reads_as_the_folder_it_was_made_of(world):
    ratings = HEADER + "7,1,3,1\n"
    world.write(ratings_csv=ratings, movies_csv=MOVIES)
    first = world.load()
    archive = zipped(
        world.path / "Films.zip",
        **{
            "films/ratings.csv": ratings,
            "films/movies.csv": MOVIES,
            "__MACOSX/._ratings.csv": b"\0",
            "a/b/ratings.csv": "",
        },
    )
    again = world.load(archive)
    assert not again.changed
    assert again.catalogue == first.catalogue


def test_files_may_lie_one_folder_down_but_not_in_two(world):
    inner = SmallSet(world.source)
    world.source.mkdir()
    inner.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES)
    assert world.load().changed

    other = world.source / "others"
    other.mkdir()
    for name in ("ratings.csv", "movies.csv"):
        (other / name).write_bytes((inner.source / name).read_bytes())
    with pytest.raises(DatasetError, match=r"several data sets \(films, others\)"):
        world.load()


def test_names_in_a_zip_that_point_elsewhere_do_no_harm(world):
    evil = {"../ratings.csv": "x", "/etc/evil.csv": "x", "../../movies.csv": "x", "..\\links.csv": "x"}
    archive = zipped(world.path / "films.zip", **evil, **{"ratings.csv": HEADER + "7,1,3,1\n", "movies.csv": MOVIES})
    before = set(world.path.parent.rglob("*"))
    report = world.load(archive)
    assert world.ratings(report) == {(7, 1): 3.0}
    assert set(world.path.parent.rglob("*")) - before == {world.parquet, *world.parquet.rglob("*")}


def test_a_zip_that_swells_is_refused(world):
    archive = zipped(world.path / "films.zip", **{"ratings.csv": b"\n" * (70 * 2**20), "movies.csv": MOVIES})
    with pytest.raises(DatasetError, match=r"unpacks to 0.1 GB, \S+ times.*unpack it yourself and give the folder"):
        world.load(archive)


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("damage", ["scribbled over", "cut short", "emptied"])
def test_a_damaged_zip_says_so(world, packed, damage):
    archive = world.path / "films.zip"
    with zipfile.ZipFile(archive, "w", packed) as into:
        into.writestr("ratings.csv", HEADER + "".join(f"{user},1,3,1\n" for user in range(1000)))
        into.writestr("movies.csv", MOVIES)
        size = into.getinfo("ratings.csv").compress_size
    content = bytearray(archive.read_bytes())
    if damage == "emptied":
        content[41 : 41 + size] = b""
    elif damage == "cut short":
        content[60 : 41 + size] = b""
    else:
        content[60:70] = bytes(byte ^ 0x5A for byte in content[60:70])
    archive.write_bytes(content)
    with pytest.raises(DatasetError, match=r"films\.zip is damaged.*fetch or pack it again"):
        world.load(archive)
    assert not list(world.parquet.glob("*")) if world.parquet.exists() else True
