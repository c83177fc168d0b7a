# SPDX-License-Identifier: MIT
"""Bad inputs, made from the fields of our schemas: each ends in one clear line, or is accepted by name."""
