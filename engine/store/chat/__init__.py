"""Data that only the chat keeps: unhandled updates, digests, movie nights, invitations, films that lists have shown.

Imports the rest of the store; only the store's own ``__init__`` imports it.
"""
