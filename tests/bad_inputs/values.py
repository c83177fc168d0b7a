# SPDX-License-Identifier: MIT
"""Bad values of each sort of field, in Hydra's override grammar, and the odd texts that all fields get."""

__all__ = ["HUGE", "ODD", "SORTS"]

HUGE = "9" * 23
_LONG = "x" * 4000

# Every field gets two of them, the next field the next two.
ODD = (
    "'${nope}'",
    "'a\nb'",
    "'\x1b[31mred'",
    "'../../..'",
    "'--help'",
    "'a\"b; touch HACKED'",
    "'ü \u2028 \u202e'",
    "'${oc.env:NOPE_NOPE}'",
    "'\\''",
    "'$(touch HACKED)'",
)

# Sort of field -> kind of badness -> values. What a sort allows is left out of it.
SORTS: dict[str, dict[str, tuple[str, ...]]] = {
    "whole number": {
        "wrong type": ("[1,2]",),
        "out of range": ("-1",),
        "empty": ("''",),
        "huge": (HUGE,),
    },
    "count": {
        "wrong type": ("text",),
        "out of range": ("0", "nan"),
        "empty": ("''",),
        "huge": (HUGE,),
    },
    "number": {
        "wrong type": ("[1,2]",),
        "out of range": ("-1", "nan"),
        "empty": ("{}",),
        "huge": ("inf",),
    },
    "flag": {
        "wrong type": ("[1,2]",),
        "out of range": ("nan",),
        "empty": ("''",),
        "huge": (_LONG,),
    },
    "text": {
        "wrong type": ("{a: 1}",),
        "out of range": ("' '",),
        "empty": ("''",),
        "huge": (_LONG,),
    },
    "word": {
        "wrong type": ("{a: 1}",),
        "out of range": ("nope", "-1"),
        "empty": ("''",),
        "huge": (_LONG,),
    },
    "list": {
        "wrong type": ("{a: 1}",),
        "out of range": ("[-1]", "[[1]]"),
        "empty": ("['']",),
        "huge": (f"[{_LONG}]",),
    },
    "mapping": {
        "wrong type": ("text",),
        "out of range": ("3", "{1: nan}"),
        "empty": ("{'': 1}",),
        "huge": (HUGE,),
    },
}
