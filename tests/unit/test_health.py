"""Signs of life: the heartbeat's file, /healthz and /metrics."""

import os
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from engine import health
from engine.health import Heartbeat, PortTaken, check, serve


def test_a_program_that_has_not_begun_is_not_well(tmp_path: Path):
    well, line = check(tmp_path / "beat", "answered poll", limit_seconds=90, now=time.time())
    assert not well
    assert line.startswith("unhealthy: no answered poll yet")


@pytest.mark.parametrize(("age", "well"), [(0, True), (89, True), (91, False), (-5, True)])
def test_health_is_the_age_of_the_last_sign_of_life(tmp_path: Path, age: float, well: bool):
    """A heartbeat from the future means that the clock was put back."""
    file = tmp_path / "beat"
    file.touch()
    os.utime(file, (1_000_000, 1_000_000))
    assert check(file, "poll", limit_seconds=90, now=1_000_000 + age)[0] is well


def test_a_beat_touches_the_file(tmp_path: Path):
    heartbeat = Heartbeat(tmp_path / "made" / "beat")
    heartbeat.start()
    assert not (tmp_path / "made" / "beat").exists()
    heartbeat.beat()
    assert check(tmp_path / "made" / "beat", "poll", limit_seconds=5, now=time.time())[0]
    assert heartbeat.age_seconds() < 5


def test_a_new_start_does_not_live_on_old_signs(tmp_path: Path):
    (tmp_path / "beat").touch()
    Heartbeat(tmp_path / "beat").start()
    assert not check(tmp_path / "beat", "poll", limit_seconds=90, now=time.time())[0]


def test_a_beat_that_cannot_be_written_stops_nothing(tmp_path: Path):
    heartbeat = Heartbeat(tmp_path / "folder" / "beat")
    heartbeat.start()
    (tmp_path / "folder").rmdir()
    heartbeat.beat()
    assert heartbeat.age_seconds() < 5


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def test_healthz_and_metrics():
    state = (True, "healthy: all is well")
    server = serve(0, lambda: state)
    try:
        base = f"http://127.0.0.1:{server.port}"
        assert get(f"{base}/healthz") == (200, "healthy: all is well\n")
        state = (False, "unhealthy: nobody answers")
        assert get(f"{base}/healthz") == (503, "unhealthy: nobody answers\n")
        code, metrics = get(f"{base}/metrics")
        assert code == 200
        assert "python_info" in metrics
        assert get(f"{base}/else")[0] == 404
        with pytest.raises(PortTaken, match=f"port {server.port}"):
            serve(server.port, lambda: state)
    finally:
        server.close()


def test_a_client_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "REQUEST_SECONDS", 0.05)
    server = serve(0, lambda: (True, "healthy"))
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
            assert client.recv(1) == b"", "it was closed"
    finally:
        server.close()
