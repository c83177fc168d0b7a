# SPDX-License-Identifier: MIT
"""Hide passwords in texts that people may see; in doubt hides too much rather than too little.

A URL is parsed as database drivers parse it, so a blank, an unescaped `@` or `/`, an option such as `?sslpassword=`
or an ODBC string in it reveals nothing. In running text a URL must first be located: in quotes it ends with them,
otherwise at a blank, unless its password continues there.
"""

import re
from typing import Any
from urllib.parse import quote_plus, unquote_plus

__all__ = ["HIDDEN", "hidden_note", "mask_password", "masked", "may_hold_password"]

# What stands in the place of a password.
HIDDEN = "***"
# Behind another letter it does not begin: looking from each of them would take hours in a long word.
_SCHEME = re.compile(r"(?<![\w+.-])[\w+.-]+://")
# One that begins a URL of its own; `a://` inside of a password does not.
_NEXT_SCHEME = re.compile(r"(?<=[\s'\",=(\[{])[A-Za-z][\w+.-]*://")
_QUOTED = {"'": re.compile(r"(?:[^'\\]|\\.|'')*", re.DOTALL), '"': re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)}
_SECRET_OPTION = re.compile(r"passw|passphrase|pwd|secret|token", re.IGNORECASE)
_PHRASE_END = re.compile(r"[;:,.)](?=\s|$)|\s\(")
# Without a word of these no option is hidden.
_HINT_OF_OPTION = re.compile(rf"{_SECRET_OPTION.pattern}|odbc_connect", re.IGNORECASE)
# Of an ODBC string: PWD=word; or PWD={words}; where }} is a brace.
_IN_ODBC = re.compile(r"(?P<keep>\b(?:pwd|password)\s*=\s*)(?:\{(?:[^}]|\}\})*\}?|[^;]*)", re.IGNORECASE)


def mask_password(text: str, *, is_prose: bool = True) -> str:
    """Replace the password of every URL in a text by `***`.

    Args:
        text: Any text: a URL, a message, a YAML file. A line that begins with a URL is taken for one as a whole.
        is_prose: Words may follow a URL. They do not in a value or an override, where a blank is the URL's own.

    Returns:
        The text without what stands between `scheme://user:` and `@host`, and without the values of options behind
        `?` that are passwords by their names.
    """
    if _SCHEME.match(text) and "\n" not in text:
        return _mask_url(text)
    shown, at = [], 0
    while scheme := _SCHEME.search(text, at):
        end = _end_of_url(text, scheme, is_prose=is_prose)
        shown += [text[at : scheme.start()], _mask_url(text[scheme.start() : end])]
        at = end
    return "".join([*shown, text[at:]])


def masked(value: Any) -> Any:
    """Return a plain tree (of dicts, lists and values) without the passwords of URLs."""
    if isinstance(value, str):
        return mask_password(value, is_prose=False)
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value


def may_hold_password(text: str) -> bool:
    """Return whether `mask_password` could change this text or a part of it; a look that takes microseconds."""
    return "://" in text and ("@" in text or _HINT_OF_OPTION.search(text) is not None)


def hidden_note(command: str) -> str | None:
    """Explain the `***` in a command from which a password was removed; None if none was."""
    if HIDDEN not in command:
        return None
    return f"{HIDDEN} stands for a password, which is hidden because others may see this; insert it yourself"


def _end_of_url(text: str, scheme: "re.Match[str]", *, is_prose: bool) -> int:
    """Find where a URL ends in a longer text."""
    quoted = _QUOTED.get(text[: scheme.start()][-1:])
    if quoted is not None:
        inside = quoted.match(text, scheme.end())
        end = inside.end() if inside else len(text)
        if end < len(text):  # else the quote is never closed
            return end
    line = text[scheme.end() :].partition("\n")[0]
    following = _NEXT_SCHEME.search(line)
    line = line[: following.start()] if following else line
    word = _first_word(line) if is_prose else line
    user, colon, behind = word.partition(":")
    if colon and not {"/", "@"} & {*user, *behind} and "@" in line:
        before, _, rest = line.rpartition("@")
        word = f"{before}@{_first_word(rest)}"
    option = word.rpartition("?")[2].rpartition("&")[2].partition("=")[0]
    if "?" in word and _SECRET_OPTION.search(option) and word[-1] not in ";:,.)":
        # Its blanks look like those behind the URL: what follows goes too, up to a mark between sentences.
        word += _PHRASE_END.split(line[len(word) :], maxsplit=1)[0]
    return scheme.end() + len(word.rstrip("'\""))


def _first_word(text: str) -> str:
    return re.split(r"\s", text, maxsplit=1)[0]


def _mask_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    user, colon, behind = rest.partition(":")
    if colon and "/" not in user and "@" in behind:
        # An unescaped @, / or ? may be the password's own, so it ends at the last @, wherever that is.
        rest = f"{user}:{HIDDEN}@{behind.rpartition('@')[2]}"
    place, question, options = rest.partition("?")
    return f"{scheme}{separator}{place}{question}{_mask_options(options)}"


def _mask_options(options: str) -> str:
    return re.sub(r"([^&;=]+)=([^&]*)", lambda match: f"{match[1]}={_mask_option(match[1], match[2])}", options)


def _mask_option(name: str, value: str) -> str:
    if _SECRET_OPTION.search(name):
        return HIDDEN
    if name.lower() != "odbc_connect":
        return value
    plain = unquote_plus(value)
    hidden = _IN_ODBC.sub(rf"\g<keep>{HIDDEN}", plain)
    return value if hidden == plain else quote_plus(hidden, safe="*")
