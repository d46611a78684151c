"""The same answers over HTTP, for a site, a media server, a notebook.

It stands on ``engine.serving``, ``engine.store`` and the engine's words, as the bot does, and knows nothing of the bot.
"""
