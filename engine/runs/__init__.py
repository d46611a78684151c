"""Runs from request to live model: the worker, one training, import and export of models, `make run`.

It may import every other folder of the engine except ``engine.cli``.
"""
