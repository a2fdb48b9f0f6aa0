"""Moving from a synchronous implementation to an asynchronous one, a few per cent at a time.

It needs nothing of the program that uses it.  ``stages``, ``capability``, ``flagfile``,
``ladder``, ``statistics``, ``compare`` and ``guard`` decide and touch nothing;
``client``, ``override``, ``router``, ``bridge``, ``shadow``, ``audit``, ``metrics`` and
``watch`` do what is decided; ``switch`` puts them together.  Each is imported by itself,
so that a command which only reads a file does not pay for the rest.
"""
