"""The examples of docs/api.md work: each curl line, the key that it begins with, and the client for Python."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from api.client import Matinee, MatineeProblem
from api.context import Services
from engine.store import Scope
from tests.api.conftest import new_key
from tests.conftest import ROOT, NewDatabase, Program

DOCS = (ROOT / "docs/api.md").read_text()
CURLS = [
    block
    for block in re.findall(r"^```sh\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    if block.lstrip("# ").count("curl ")
]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
@pytest.mark.parametrize("block", CURLS, ids=range(len(CURLS)))
def test_every_curl_line_is_answered_well(services: Services, address: str, block: str) -> None:
    key = new_key(services, Scope.WRITE)
    environment = {"API": address, "KEY": key, "PATH": os.environ["PATH"]}
    lines = block.replace("curl -s", "curl -s --fail-with-body --show-error")
    done = subprocess.run(["sh", "-euc", lines], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("{")


def test_a_key_is_made_listed_and_revoked_by_the_command(new_database: NewDatabase, tmp_path: Path) -> None:
    program = Program(tmp_path, {"MATINEE_DATABASE_URL": new_database("sqlite")})
    made = program.run("api", "keys", "add", "shop", "--scope", "write").stdout.strip()
    assert re.fullmatch(r"matinee_1_[\w-]{43}", made)
    assert " shop" in program.run("api", "keys", "list").stdout
    assert made not in program.run("api", "keys", "list", "--json").stdout
    assert program.run("api", "keys", "revoke", "1").returncode == 0
    assert "revoked" in program.run("api", "keys", "list").stdout
    again = program.run("api", "keys", "revoke", "1")
    assert (again.returncode, "keys list" in again.stderr) == (1, True)


def test_the_client_does_all_that_a_site_needs(services: Services, address: str) -> None:
    with Matinee(address, new_key(services, Scope.WRITE)) as matinee:
        (found, *_) = matinee.search("the matrx")
        assert matinee.film("tmdb:603") == found
        assert matinee.rate_many("anna", {found["id"]: 5, "imdb:tt0083658": 4.5, "tmdb:1": 3}) == ["tmdb:1"]
        matinee.rate("anna", 30, 2)
        assert {rated["film"]["title"] for rated in matinee.ratings("anna")} == {"The Matrix", "Blade Runner", "Heat"}
        picks = matinee.picks("anna", genre=["sci-fi"], limit=3)
        assert [pick["position"] for pick in picks] == [1, 2, 3]
        every = [pick["id"] for pick in matinee.all_picks("anna", limit=20)]
        assert len(every) == len(set(every)) > 30
        assert matinee.picks_for({found["id"]: 5}, only=[21, 40], limit=1)[0]["title"] == "Blade Runner"
        assert found["id"] not in {film["id"] for film in matinee.similar(21, person="anna")}
        assert len(matinee.group_picks(["anna", "bob"])) == 5
        assert matinee.question("anna") is not None
        page = matinee.page("anna", limit=2)
        matinee.shown("anna", page["list_id"], opened=[page["films"][0]["id"]])
        assert [film["opened_at"] is None for film in matinee.reception("anna", page["list_id"])] == [False, True]
        matinee.put_aside("anna", 40, "watchlist")
        matinee.take_back("anna", 40, "watchlist")
        matinee.unrate("anna", 30)
        assert matinee.token("anna", minutes=5).startswith("matinee_")
        assert matinee.link_code("anna")["say"].startswith("/link ")
        matinee.unlink("anna")
        assert len(matinee.export("anna")["acts"]) == 4
        matinee.forget("anna")
        assert matinee.ratings("anna") == []
        with pytest.raises(MatineeProblem, match="multiple of") as problem:
            matinee.rate("anna", 30, 3.3)
        assert (problem.value.status, problem.value.kind) == (422, "invalid")
