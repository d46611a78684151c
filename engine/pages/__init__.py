"""What people look at: pages about data and models, and the pictures in them and in the chat.

It may import ``engine.judging``, for the statistics, and everything below that; it starts no Spark.
"""
