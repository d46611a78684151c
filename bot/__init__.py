"""The chat: films for people, on Telegram or in a terminal."""

import os

# This must come before numpy is loaded. One person's ratings are too little work for several threads: waiting for each
# other costs more than they save, above all on a busy processor (DECISIONS: One thread for small matrices).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# This must come before Telegram's library is loaded. It makes spans of time timedeltas, as the next version will.
# Otherwise the library warns operators about something that they cannot change.
os.environ.setdefault("PTB_TIMEDELTA", "true")
