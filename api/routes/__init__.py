"""The verbs, one module for each group. Each reads the request, calls one thing, and sends one answer."""
