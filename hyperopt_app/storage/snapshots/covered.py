# SPDX-License-Identifier: MIT
"""Name the part of a journal that has been read, by its content, so that another file or an edited one is noticed."""

import os
import zlib
from pathlib import Path
from typing import NamedTuple

__all__ = ["Covered"]

_CHUNK = 1 << 20


class Covered(NamedTuple):
    """The beginning of a journal, up to the end of a line.

    Attributes:
        records: How many records it has.
        size: Its length in bytes.
        checksum: The CRC of these bytes.
    """

    records: int = 0
    size: int = 0
    checksum: int = 0

    def is_of(self, path: Path) -> bool:
        """Whether the file begins so; reads all of that part, since an edit may be anywhere.

        Raises:
            OSError: The file cannot be read.
        """
        checksum, left = 0, self.size
        with path.open("rb", buffering=0) as journal:
            if os.fstat(journal.fileno()).st_size < self.size:
                return False
            while left > 0 and (chunk := journal.read(min(_CHUNK, left))):
                checksum, left = zlib.crc32(chunk, checksum), left - len(chunk)
        return left == 0 and checksum == self.checksum
