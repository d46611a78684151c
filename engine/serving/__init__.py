"""Answers for one person, now: films and model in memory, picks, groups, wishes, title search.

Every front end stands on it. It may import ``engine.store`` and the words of ``engine.domain``; numpy, and no Spark.
"""
