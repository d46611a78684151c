"""The contents of the images: the bill of materials, and packages for both kinds of processor."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from requirements.sbom import IMAGES, bill_of, main, python_of_images
from tests.conftest import ROOT


def locked(image: str) -> set[str]:
    """Return the names in a lock, without those that only Windows needs."""
    lock = (ROOT / "requirements" / f"{image}.txt").read_text()
    return set(re.findall(r"^([a-z0-9-]+)==(?!.* ; sys_platform == 'win32')", lock, re.MULTILINE))


def test_a_bill_names_everything_that_is_installed_once_and_with_its_hashes() -> None:
    for image in IMAGES:
        components = bill_of(image)["components"]
        assert sorted(component["name"] for component in components) == sorted(locked(image))
        for component in components:
            (files,) = component["externalReferences"]
            assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
            assert files["hashes"], component["name"]


def test_of_two_locked_versions_the_bill_has_the_one_for_the_images_python() -> None:
    lock = (ROOT / "requirements" / "bot.txt").read_text()
    (ours,) = re.findall(r"^numpy==(\S+) ; python_full_version >= '3.12'", lock, re.MULTILINE)
    assert python_of_images() == "3.12"
    assert [c["version"] for c in bill_of("bot")["components"] if c["name"] == "numpy"] == [ours]


def test_the_same_lock_gives_the_same_bills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("once", "again"):
        monkeypatch.setattr(sys, "argv", ["sbom", str(tmp_path / folder)])
        main()
    once, again = ({path.name: path.read_bytes() for path in (tmp_path / f).iterdir()} for f in ("once", "again"))
    assert once == again
    assert sorted(once) == sorted(f"matinee-{image}.cdx.json" for image in IMAGES)


def resolves(requirements: Path, folder: Path, *platform: str) -> subprocess.CompletedProcess[str]:
    """Have pip look for all these packages, without installing any."""
    where = ["--require-hashes", "--target", str(folder), "-r", str(requirements)]
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--no-deps",
        "--only-binary",
        ":all:",
        *platform,
        *where,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=500)


@pytest.mark.slow
def test_every_locked_package_is_there_for_arm64_too(tmp_path: Path) -> None:
    """pyspark alone comes as source: it is Python and Java."""
    build, engine = ROOT / "requirements" / "build.txt", tmp_path / "engine.txt"
    if resolves(build, tmp_path / "here").returncode:
        pytest.skip("pip reaches no package index")
    text = (ROOT / "requirements" / "engine.txt").read_text()
    engine.write_text(re.sub(r"(?m)^pyspark==(?:.*\\\n)+.*\n", "", text))
    kinds = [
        f"--platform={kind}_aarch64" for kind in ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
    ]
    arm64 = [*kinds, "--implementation=cp", f"--python-version={python_of_images()}"]
    for lock in (build, engine):
        done = resolves(lock, tmp_path / "arm64", *arm64)
        assert done.returncode == 0, done.stderr
