# SPDX-License-Identifier: MIT
"""Read what a child process has raised from the exception by which torch reports it.

`torch.multiprocessing` raises an exception of its own with the child's traceback as text, or with its exit status.
"""

import re
from dataclasses import dataclass

__all__ = ["ChildError", "child_error", "child_exit"]

_MODULE = "torch.multiprocessing.spawn"


@dataclass(frozen=True)
class ChildError:
    """What a child has raised.

    Attributes:
        name: The class of the exception, with its module unless that is `builtins`.
        text: Its text.
    """

    name: str
    text: str

    @property
    def of_ours(self) -> bool:
        """Whether it is an error of this package, addressed to the user."""
        return self.name.startswith("hyperopt_app.errors.")


def child_error(error: BaseException) -> ChildError | None:
    """Return what a child has raised; None if the exception does not report one."""
    if type(error).__module__ != _MODULE:
        return None
    # Behind the last frame, whose lines are indented, comes the exception as Python writes it.
    last = re.split(r"^  File .*\n(?:    .*\n)*", str(error), flags=re.MULTILINE)[-1].strip()
    match = re.fullmatch(r"([A-Za-z_][\w.]*)(?:: (.*))?", last, flags=re.DOTALL)
    return None if match is None or "  File " not in str(error) else ChildError(match[1], (match[2] or "").strip())


def child_exit(error: BaseException) -> tuple[int, int] | None:
    """Return the place of a child among those that were started together, and its exit status; None if not reported."""
    code = getattr(error, "exit_code", None)
    return (int(error.error_index), code) if type(error).__module__ == _MODULE and isinstance(code, int) else None  # type: ignore[attr-defined]
