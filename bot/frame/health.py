"""The bot's metrics for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

UPDATES = Counter("matinee_bot_updates", "Updates handled", ["handler", "outcome"])
ERRORS = Counter("matinee_bot_errors", "Errors in handlers and jobs", ["reason"])
HANDLER_SECONDS = Histogram(
    "matinee_bot_handler_seconds",
    "Time to handle an update, without the wait for its turn",
    ["handler"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LAST_POLL_AGE = Gauge(
    "matinee_bot_last_poll_age_seconds", "Time since Telegram last answered a poll, or its webhook was found well"
)
AT_HAND = Gauge("matinee_bot_updates_at_hand", "Updates that have come in and are not handled yet")
STRANGERS = Counter("matinee_bot_strangers", "Updates of people who may not talk to the bot")
WEBHOOK_PENDING = Gauge("matinee_bot_webhook_pending_updates", "Updates that wait at Telegram to be brought to us")
WEBHOOK_REFUSED = Counter("matinee_bot_webhook_refused", "Requests to the webhook that did not come from Telegram")
