"""Backups of the database, their restoration, and moves from SQLite to Postgres or back.

A backup is one file: a SQLite database with all data, made from either kind of database, or a file of ``pg_dump``. It
holds every transaction that was committed before it began, and can be made and restored while people rate.
"""
