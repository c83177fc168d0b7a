# SPDX-License-Identifier: MIT
"""Hide passwords in what people may see; pure, and rather hides too much than too little.

A URL is taken apart as the databases' drivers do it, so that a blank, an unescaped `@` or `/`, an option such as
`?sslpassword=` or a whole ODBC string in it shows nothing. In running text it is first found: a URL in quotes ends with
them, another one at a blank, unless its password is still going on there.
"""

import re
from typing import Any
from urllib.parse import quote_plus, unquote_plus

__all__ = ["mask_password", "masked"]

_STARS = "***"
_SCHEME = re.compile(r"[A-Za-z][\w+.-]*://")
# One that begins a URL of its own; `a://` inside of a password does not.
_NEXT_SCHEME = re.compile(r"(?<=[\s'\",=(\[{])[A-Za-z][\w+.-]*://")
_QUOTED = {"'": re.compile(r"(?:[^'\\]|\\.|'')*", re.DOTALL), '"': re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)}
_SECRET_OPTION = re.compile(r"passw|passphrase|pwd|secret|token", re.IGNORECASE)
# Of an ODBC string: PWD=word; or PWD={words}; where }} is a brace.
_IN_ODBC = re.compile(r"(?P<keep>\b(?:pwd|password)\s*=\s*)(?:\{(?:[^}]|\}\})*\}?|[^;]*)", re.IGNORECASE)


def mask_password(text: str) -> str:
    """Replace the password of every URL in a text by `***`.

    Args:
        text: Any text: a URL, a message, a YAML file. A line that begins with a URL is taken for one as a whole.

    Returns:
        The text without what stands between `scheme://user:` and `@host`, and without the values of options behind
        `?` that are passwords by their names.
    """
    if _SCHEME.match(text) and "\n" not in text:
        return _mask_url(text)
    shown, at = [], 0
    while found := _SCHEME.search(text, at):
        end = _end_of_url(text, found)
        shown += [text[at : found.start()], _mask_url(text[found.start() : end])]
        at = end
    return "".join([*shown, text[at:]])


def masked(value: Any) -> Any:
    """A plain tree (of dicts, lists and values) without the passwords of the URLs among its texts."""
    if isinstance(value, str):
        return mask_password(value)
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value


def _end_of_url(text: str, scheme: "re.Match[str]") -> int:
    """Where a URL ends in running text."""
    quoted = _QUOTED.get(text[: scheme.start()][-1:])
    if quoted is not None:
        inside = quoted.match(text, scheme.end())
        end = inside.end() if inside else len(text)
        if end < len(text):  # else the quote is never closed
            return end
    line = text[scheme.end() :].partition("\n")[0]
    following = _NEXT_SCHEME.search(line)
    line = line[: following.start()] if following else line
    word = _first_word(line)
    user, colon, behind = word.partition(":")
    if colon and not {"/", "@"} & {*user, *behind} and "@" in line:
        before, _, rest = line.rpartition("@")
        word = f"{before}@{_first_word(rest)}"
    return scheme.end() + len(word.rstrip("'\""))


def _first_word(text: str) -> str:
    return re.split(r"\s", text, maxsplit=1)[0]


def _mask_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    user, colon, behind = rest.partition(":")
    if colon and "/" not in user and "@" in behind:
        # An unescaped @, / or ? may be the password's own, so it ends at the last @, wherever that is.
        rest = f"{user}:{_STARS}@{behind.rpartition('@')[2]}"
    place, question, options = rest.partition("?")
    return f"{scheme}{separator}{place}{question}{_mask_options(options)}"


def _mask_options(options: str) -> str:
    return re.sub(r"([^&;=]+)=([^&]*)", lambda found: f"{found[1]}={_mask_option(found[1], found[2])}", options)


def _mask_option(name: str, value: str) -> str:
    if _SECRET_OPTION.search(name):
        return _STARS
    if name.lower() != "odbc_connect":
        return value
    plain = unquote_plus(value)
    hidden = _IN_ODBC.sub(rf"\g<keep>{_STARS}", plain)
    return value if hidden == plain else quote_plus(hidden, safe="*")
