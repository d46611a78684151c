"""Several processes that serve one port: forked from one that has loaded everything, so that they share its memory."""

import gc
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait
from socket import socket

import structlog
import uvicorn

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""Workers are looked after this often: one that died is replaced, and all are stopped once we are told to stop."""


def serve(config: uvicorn.Config, workers: int, *, stop_seconds: float) -> None:
    """Serve with so many processes until told to stop (SIGTERM or SIGINT).

    Nothing may run beside the caller that a fork would break: no event loop, no connection to a database, no thread
    that holds a lock.

    Args:
        config: its application has been built, and holds in memory what the workers are to share.
        stop_seconds: a worker that takes longer to stop is killed.
    """
    listening = config.bind_socket()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    gc.collect()
    gc.freeze()  # a collection in a worker would write to every object, and so copy it
    processes = [_begin(config, listening) for _ in range(workers)]
    while not stopping.is_set():
        wait([process.sentinel for process in processes], LOOK_SECONDS)
        dead = [process for process in processes if not process.is_alive()]
        for process in () if stopping.is_set() else dead:
            log.warning("api_worker_died", exit_code=process.exitcode)
            processes[processes.index(process)] = _begin(config, listening)
            stopping.wait(LOOK_SECONDS)  # one that dies at once must not keep us busy
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(stop_seconds)
        process.kill()


def _begin(config: uvicorn.Config, listening: socket) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=_work, args=(config, listening))
    process.start()
    return process


def _work(config: uvicorn.Config, listening: socket) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)  # until uvicorn takes them
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    uvicorn.Server(config).run([listening])


def _stop_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
