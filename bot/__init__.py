"""The chat: films for people, on Telegram or in a terminal."""

import os

# Before anything loads numpy. One person's ratings are too little work to share among threads: waiting for each other
# costs them more than they save, most of all where a processor is busy (see DECISIONS: One thread for small matrices).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Before anything loads Telegram's library: spans of time as timedelta, its way from the next version on. Otherwise it
# warns whoever runs the bot about something that they cannot change.
os.environ.setdefault("PTB_TIMEDELTA", "true")
