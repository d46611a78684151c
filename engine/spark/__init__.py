"""Where Spark runs and what it reads: the session, its scratch folders, and all ratings as of one moment.

It may import ``engine.datasets`` and ``engine.store``.
"""
