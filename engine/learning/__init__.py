"""Models from ratings, in Spark: training, batch scoring, similar titles.

It may import ``engine.serving.factors``, whose arithmetic it shares; neither a store nor a session of its own.
"""
