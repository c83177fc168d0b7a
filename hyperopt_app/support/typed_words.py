# SPDX-License-Identifier: MIT
"""Argument parser for our commands that exits with status 1, not 2, on a usage error."""

import argparse
import sys
from typing import NoReturn

__all__ = ["WordParser", "positive_int"]


class WordParser(argparse.ArgumentParser):
    """As Python's, which ends with 2: that means here that a run was ended early by failures."""

    def error(self, message: str) -> NoReturn:
        """Say how the command is used and what is wrong, and end."""
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog}: error: {message}\n")


def positive_int(text: str) -> int:
    """A whole number above 0; a type of argparse's.

    Raises:
        ArgumentTypeError: It is something else.
    """
    if text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text!r}")
