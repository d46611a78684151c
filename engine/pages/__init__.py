"""Pages about data and models, and the pictures in them and in the chat.

It may import ``engine.judging``, for statistics, and everything below that. It starts no Spark.
"""
