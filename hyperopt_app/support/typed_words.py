# SPDX-License-Identifier: MIT
"""Define the argument parser of our commands, which exits with status 1, not 2, on a usage error."""

import argparse
import math
import sys
from typing import NoReturn

__all__ = ["WordParser", "positive_int", "positive_seconds"]


class WordParser(argparse.ArgumentParser):
    """ArgumentParser that exits with 1 on a usage error, because 2 means that failures ended a run early."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the error, and exit."""
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog}: error: {message}\n")


def positive_int(text: str) -> int:
    """Parse a whole number above 0; a type for argparse.

    Raises:
        ArgumentTypeError: It is something else.
    """
    if text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text!r}")


def positive_seconds(text: str) -> float:
    """Parse a number of seconds above 0; a type for argparse.

    Raises:
        ArgumentTypeError: It is something else.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if 0 < seconds < math.inf:
        return seconds
    raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, got {text!r}")
