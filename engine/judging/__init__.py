"""How good a model is: evaluation, the gate, comparison with simpler models, the search for hyperparameters.

It may import ``engine.learning`` and everything below that.
"""
