# SPDX-License-Identifier: MIT
"""All that is stored in a study and its trials: the names of attributes, their forms, who reads and writes them."""
