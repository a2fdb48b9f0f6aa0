"""Numbered changes of the state file's schema, each with its way back.

``NNNN_name.sql`` holds the statements of both directions, below a line
``-- up`` and a line ``-- down``.  Numbers start at 1 and leave no gaps; a
script that was released is never changed, a new one is added.
:mod:`codeagent.store.schema` reads and applies them.
"""
