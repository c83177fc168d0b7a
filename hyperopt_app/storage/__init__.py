# SPDX-License-Identifier: MIT
"""Where a study is stored: a journal file or a database. Does not depend on the rest of a study."""
