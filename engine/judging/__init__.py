"""Judges models: evaluation, the gate, comparison with simpler models, the search for hyperparameters.

It may import ``engine.learning`` and everything below it.
"""
