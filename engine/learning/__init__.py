"""Trains models from ratings in Spark, scores everybody's lists, finds similar titles.

It may import ``engine.serving``, whose arithmetic it shares. It uses no store and opens no Spark session.
"""
