"""The features: one module for each, its views beside it. They are listed in the order in which handlers see an update.

A feature may import ``bot.frame``, ``bot.speech``, the engine's serving and store, and other features.
"""

from bot.features import (
    account,
    admin,
    alerts,
    card,
    digest,
    fallback,
    files,
    invite,
    link,
    listen,
    lookup,
    me,
    mine,
    night,
    picks,
    preferences,
    rating,
    share,
    supergroup,
    surprise,
    welcome,
)
from bot.frame.context import Feature

FEATURES: tuple[Feature, ...] = (
    welcome,
    picks,
    surprise,
    night,
    supergroup,
    rating,
    card,
    mine,
    files,
    me,
    share,
    account,
    preferences,
    digest,
    link,
    admin,
    invite,
    alerts,
    lookup,
    listen,
    fallback,
)
