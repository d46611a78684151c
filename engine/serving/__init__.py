"""Answers for one person, now: films and model in memory, picks, groups, wishes, title search.

Every front end uses it. It may import ``engine.store``, ``engine.domain`` and numpy, but no Spark.
"""
