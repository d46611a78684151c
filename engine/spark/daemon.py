"""Spark's Python workers, forked from a process that has loaded what their tasks need.

By itself, Spark forks workers from a process that has loaded nothing, and each of them then loads numpy, pandas and the
compiled solver for itself: three seconds of a core, in each worker.
"""

import gc
from contextlib import suppress
from importlib import import_module

from pyspark.daemon import manager

# By name, because the modules are above this one, which calls nothing of theirs.
TASKS = ("engine.judging.evaluation", "engine.learning.scoring", "engine.learning.similarity", "implicit.cpu.topk")

if __name__ == "__main__":
    for name in TASKS:
        with suppress(ImportError):  # a task that needs it says what is missing
            import_module(name)
    gc.freeze()  # after each task a worker looks for garbage, and need not look through all this again
    manager()
