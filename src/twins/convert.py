"""Text to text: from a module that awaits to its twin that does not.

The work is done by the tokenizer and the rule of the unasync library; what is
added here keeps it away from strings, from f-strings (whose inside it sees on
some Python versions only) and from the token after a bare ``await``.  Every
line of the result stands where it stood in the source.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .errors import ConversionError, ToolMissing

UNASYNC_VERSION = "0.6.0"
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_BLANK = "UNIMPORTANT_WS"
_OPENING = ("FSTRING_START", "TSTRING_START")
_CLOSING = ("FSTRING_END", "TSTRING_END")
_NAME_LISTS = ("__all__", "__slots__", "__match_args__")
_ATTRIBUTE_CALLS = ("getattr", "hasattr", "setattr", "delattr")


class Converter:
    """Renames names and drops ``async`` and ``await``.

    ``used`` collects the names of ``renames`` that occurred.  Raises ToolMissing
    where the library is absent or not the version whose output is known.
    """

    def __init__(self, renames: Mapping[str, str], strip_prefix: str) -> None:
        unasync = _library()
        self._tokenize_rt: Any = unasync.tokenize_rt
        self._rule: Any = unasync.Rule("", "", dict(renames))
        self._rule._unasync_name = self.rename
        self._renames = renames
        self._prefix = strip_prefix
        self.used: set[str] = set()

    def rename(self, name: str) -> str:
        """The twin's spelling of one identifier."""
        if name in self._renames:
            self.used.add(name)
        return self.spelling(name)

    def spelling(self, name: str) -> str:
        """As ``rename``, without counting as use."""
        table: Mapping[str, str] = self._rule.token_replacements
        if name in table:
            return table[name]
        return name[len(self._prefix) :] if self.prefixed(name) else name

    def prefixed(self, text: str) -> bool:
        """Whether ``text`` begins with the prefix and a capital, as in ``AsyncClient``."""
        rest = text[len(self._prefix) :]
        return bool(self._prefix) and text.startswith(self._prefix) and rest[:1].isupper()

    def convert(self, text: str, tree: ast.Module) -> str:
        """The twin of ``text``, unformatted; ``tree`` is the same text, parsed."""
        prepared = _guarded(self._tokens(text), string_names(tree))
        return str(self._tokenize_rt.tokens_to_src(self._rule._unasync_tokens(prepared)))

    def _tokens(self, text: str) -> Iterator[Any]:
        # Python 3.12.0 and 3.12.1 miscount columns after other than ASCII characters.
        masked = _NOT_ASCII.sub("x", text)
        tokens = self._tokenize_rt.src_to_tokens(masked)
        if self._tokenize_rt.tokens_to_src(tokens) != masked:
            raise ConversionError("the tokenizer does not give this text back unchanged")
        start = 0
        for token in tokens:
            end = start + len(token.src)
            yield token._replace(src=text[start:end])
            start = end


def parse(text: str, path: str) -> ast.Module:
    """The syntax tree of ``text``.  Raises ConversionError with the place."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, path)
    except SyntaxError as error:
        raise ConversionError(
            f"{path}:{error.lineno or 1}: not valid Python: {error.msg}"
        ) from None
    except ValueError as error:
        raise ConversionError(f"{path}:1: not valid Python: {error}") from None


def string_names(tree: ast.Module) -> dict[tuple[int, int], str]:
    """Strings that stand for identifiers, by line and byte column.

    These are the entries of ``__all__``, ``__slots__`` and ``__match_args__`` and
    the attribute name given to ``getattr`` and its kin.
    """
    holders: list[ast.AST] = []
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                if any(isinstance(t, ast.Name) and t.id in _NAME_LISTS for t in targets):
                    holders.append(value)
            case (
                ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.AugAssign(target=ast.Name(id=name), value=value)
            ):
                if name in _NAME_LISTS:
                    holders.append(value)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="__all__")), args=arguments):
                holders.extend(arguments)
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called),
                args=[owner, ast.Constant() as name, *_],
            ):
                if called in _ATTRIBUTE_CALLS and not isinstance(owner, ast.Constant):
                    holders.append(name)
    return {
        (node.lineno, node.col_offset): node.value
        for holder in holders
        for node in ast.walk(holder)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _guarded(tokens: Iterable[Any], names: Mapping[tuple[int, int], str]) -> Iterator[Any]:
    """The tokens in a form that the library's rule treats alike on every Python version.

    An f-string becomes one token, a string that is no identifier is hidden from
    the rule, and ``await(`` gets an empty blank for the rule to drop.
    """
    line, column, depth = 1, 0, 0
    pending: list[str] = []
    after_keyword = False
    blank: Any = None
    for token in tokens:
        place = (line, column)
        line += token.src.count("\n")
        column = len(token.src.rpartition("\n")[2].encode()) + (0 if "\n" in token.src else column)
        if after_keyword and token.name != _BLANK:
            yield blank
        after_keyword = False
        if token.name in _OPENING:
            depth += 1
        if depth:
            pending.append(token.src)
            if token.name in _CLOSING:
                depth -= 1
                if not depth:
                    yield token._replace(name="TEXT", src="".join(pending))
                    pending.clear()
            continue
        if token.src in ("async", "await"):
            after_keyword, blank = True, token._replace(name=_BLANK, src="")
        if token.name == "STRING" and token.src[1:-1] != names.get(place):
            token = token._replace(name="TEXT")
        yield token


def _library() -> Any:
    advice = f"install it with: pip install 'codeagent[twins]' (unasync {UNASYNC_VERSION} and ruff)"
    try:
        found = importlib.metadata.version("unasync")
        library = importlib.import_module("unasync")
    except ImportError as error:
        raise ToolMissing(f"the unasync library cannot be imported ({error}); {advice}") from None
    if found != UNASYNC_VERSION:
        raise ToolMissing(f"unasync {found} is installed, {UNASYNC_VERSION} is needed; {advice}")
    return library
