"""The dashboard and the alert rules in docs/monitoring, against what the running programs export."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from engine.domain import RunState
from tests.conftest import ROOT, Program
from tests.taps import club

pytestmark = pytest.mark.system

FOLDER = ROOT / "docs" / "monitoring"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
ASKED = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
ASKED += [note["expr"] for note in DASHBOARD["annotations"]["list"]] + [rule["expr"] for rule in RULES]

OF_PROMETHEUS = {"up"}
"""Written by Prometheus itself about each program that it reads from."""

SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
SOON = 60


def names_in(expression: str) -> set[str]:
    """Return the names of series in a line of PromQL."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(?:by|without|on|ignoring)\s*\([^)]*\)", " ", bare)
    return set(re.findall(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", bare)) - {"or", "and", "unless"}


def exported(text: str) -> set[str]:
    """Return the names of series that a program may have, by what it says of their types."""
    found: set[str] = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        found |= {name.removesuffix("_total") + suffix for suffix in SUFFIXES.get(kind, ("",))}
    return found


def read(port: int, key: str) -> str:
    until = time.monotonic() + SOON
    while True:
        try:
            answer = httpx.get(
                f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {key}"}, timeout=10
            )
        except httpx.ConnectError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            assert answer.status_code == 200, answer.text
            return answer.text


@contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        ports = [int(probe.getsockname()[1]) for probe in probes]
    yield ports


def test_every_figure_that_is_asked_for_is_exported(tmp_path: Path) -> None:
    with free_ports(3) as (bot, engine, api), club(tmp_path, people=1) as film_club, ExitStack() as stack:
        settings = {"MATINEE_BOT_PORT": bot, "MATINEE_ENGINE_PORT": engine, "MATINEE_API_PORT": api}
        program = Program(
            film_club.program.home, film_club.program.settings | {name: str(port) for name, port in settings.items()}
        )
        made = program.run("api", "keys", "add", "prometheus", "--scope", "admin")
        for verb in (("bot", "run"), ("engine", "serve"), ("api", "serve")):
            with (tmp_path / f"{verb[0]}.log").open("w") as log:
                process = program.start(*verb, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
        there = set.union(*(exported(read(port, made.stdout.strip())) for port in (bot, engine, api)))
    asked = set.union(*map(names_in, ASKED))
    assert len(asked) > 10, "the lines of PromQL were not understood"
    assert asked - there - OF_PROMETHEUS == set()


def test_names_in_promql_are_found() -> None:
    line = (
        'sum by (le, job) (rate(a_bucket{state=~"x|y"}[5m])) / b_total > 0.9e9 and changes(c[3d]) == 0 or up{job="d"}'
    )
    assert names_in(line) == {"a_bucket", "b_total", "c", "up"}


def test_an_alert_says_how_grave_it_is_and_what_to_do() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]


def test_states_of_runs_and_jobs_are_called_by_their_names() -> None:
    states = {value for line in ASKED for found in re.findall(r'state=~?"([^"]*)"', line) for value in found.split("|")}
    assert states <= {state.value for state in RunState}
    jobs = {value for line in ASKED for value in re.findall(r'job=~?"([^"]*)"', line)}
    assert jobs <= {"matinee-.*", "matinee-bot", "matinee-engine", "matinee-api"}
    docs = (ROOT / "docs" / "self-hosting.md").read_text()
    for name in ("matinee-bot", "matinee-engine", "matinee-api"):
        assert f"job_name: {name}" in docs
