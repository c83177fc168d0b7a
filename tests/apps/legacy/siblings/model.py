# SPDX-License-Identifier: MIT
"""A module beside an objective."""


class Model:
    def __init__(self, width):
        self.width = width

    def loss(self, x):
        return x**2 + self.width
