"""The steps that every update passes, whichever feature answers it.

It may import ``bot.speech`` and the engine's serving and store, but no feature: features are handed in.
"""
