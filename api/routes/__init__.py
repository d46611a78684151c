"""The verbs, one module a group of them. Each reads the request, calls one thing, and sends one answer."""
