"""From asked to live: the worker, one training from ratings to published lists, models in and out, `make run`.

It may import every other folder of the engine but ``engine.cli``.
"""
