"""Keeping what people gave: backups, their return, and the way from SQLite to Postgres or back.

A backup is one file: a SQLite database with everything in it, whatever it was made from, or what ``pg_dump`` writes.
It holds all that was acknowledged before it began, nothing by halves, and can be made and restored while people rate.
"""
