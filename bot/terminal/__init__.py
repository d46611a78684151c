"""The same bot without Telegram: a small Bot API in memory, and a screen.

It may import ``bot.frame``, and no feature.
"""
