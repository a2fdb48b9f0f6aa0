"""The seam: everything that waits, in two colours with the same names.

``async_runtime`` stands on asyncio, ``sync_runtime`` on threads.  Code in
``_async`` is written against the first; its generated twin uses the second.
No other package imports asyncio, threading or subprocess for them.
"""
