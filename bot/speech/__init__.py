"""How the bot speaks and understands: languages, words, buttons, and the parts that all views share. Pure.

It may import the engine's serving and store for their types, and nothing else of the bot.
"""
