# SPDX-License-Identifier: MIT
"""Hide passwords in text that people may see; pure, and rather hides too much than too little."""

import re

__all__ = ["mask_password"]

# scheme://user:secret@host. The secret ends at the last @ before the first slash, so that an unescaped @ does
# not show its tail; if there is no @ before the slash, the slash is the secret's own, and it ends at the
# first @.
_IN_URL = re.compile(r"(?P<keep>[A-Za-z][\w+.-]*://[^\s/:]*:)(?:[^\s/]*|[^\s@]*)(?=@)")
_IN_QUERY = re.compile(r"(?P<keep>[?&](?:ssl)?(?:password|passwd|pwd)=)[^&\s'\"]*", re.IGNORECASE)


def mask_password(text: str) -> str:
    """Replace the password of every URL in a text by `***`.

    Args:
        text: Any text: a URL, a message, a YAML file.

    Returns:
        The text without what stands between `scheme://user:` and `@host`, and behind `password=` in a query.
    """
    return _IN_QUERY.sub(r"\g<keep>***", _IN_URL.sub(r"\g<keep>***", text))
