"""All features, in the order in which their handlers see an update."""

from bot import (
    account,
    admin,
    alerts,
    card,
    digest,
    fallback,
    files,
    lookup,
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
from bot.app import Feature

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
    share,
    account,
    preferences,
    digest,
    admin,
    alerts,
    lookup,
    fallback,
)
