"""What every update passes, whichever feature answers it.

It may import ``bot.speech`` and the engine's serving and store; no feature: those are handed in.
"""
