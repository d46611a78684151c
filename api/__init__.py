"""The same answers over HTTP, for a site, a media server, a notebook.

It uses ``engine.serving``, ``engine.store`` and ``engine.domain``, as the bot does, and does not know the bot.
"""

import os

# This must come before numpy is loaded: see DECISIONS, One thread for small matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
