"""Spark's session, its scratch folders, and the ratings that it reads, as of one moment.

It may import ``engine.datasets`` and ``engine.store``.
"""
