# SPDX-License-Identifier: MIT
"""Where a study is kept: a journal file or a database; knows nothing of studies."""
