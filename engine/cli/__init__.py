"""The engine's command line: one module a group of verbs. Results go to stdout, logs and progress to stderr.

It may import everything else of the engine; only ``engine.__main__`` imports it.
"""

import os
import sys
from typing import NoReturn

import typer

# In the order in which --help lists the verbs.
# isort: off
from engine.cli import data
from engine.cli import training
from engine.cli import answers
from engine.cli import models
from engine.cli import keeping
from engine.cli import service

# isort: on
from engine import disk
from engine.cli.shared import cli
from engine.domain import MatineeError

__all__ = ["answers", "cli", "data", "keeping", "main", "models", "service", "training"]


def main() -> NoReturn:
    """Run the command line. For a ``MatineeError``, print its text without a traceback."""
    os.umask(0o077)  # what we write speaks of people
    try:
        cli()
    except MatineeError as e:
        typer.echo(str(e), err=True)
        sys.exit(1)
    except Exception as e:
        if not disk.is_full(e):
            raise
        typer.echo(disk.FULL, err=True)
        sys.exit(1)
    sys.exit(0)
