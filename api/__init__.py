"""The same answers over HTTP, for a site, a media server, a notebook.

It stands on ``engine.serving``, ``engine.store`` and the engine's words, as the bot does, and knows nothing of the bot.
"""

import os

# Before anything loads numpy: see DECISIONS, One thread for small matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
