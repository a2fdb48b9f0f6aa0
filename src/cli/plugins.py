"""pydantic without its plugins."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

_NAME = "pydantic.plugin._loader"


class _Loader(ModuleType):
    """What pydantic asks for plugins; anything else comes from the module itself."""

    def get_plugins(self) -> tuple[()]:
        return ()

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # the import system looks, too
            raise AttributeError(name)
        del sys.modules[_NAME]
        return getattr(import_module(_NAME), name)


def leave_out_plugins() -> None:
    """Have pydantic find no plugins, unless it is loaded already.

    To find them it reads the metadata of all that is installed, and what that needs
    (``email``, ``zipfile``, ``csv``) takes 1.6 MB and a tenth of the time to load it.
    """
    sys.modules.setdefault(_NAME, _Loader(_NAME))
