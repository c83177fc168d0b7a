# SPDX-License-Identifier: MIT
"""What tests write differently beside Hydra 1.3 and beside Hydra 1.4, whose deprecated names are errors in tests."""

from typing import Any

import pytest
from hydra.types import HydraContext
from omegaconf import OmegaConf

IS_1_4 = hasattr(HydraContext, "execution_whitelist")

#: Of `hydra.initialize...`: 1.3 asks for a version_base, and 1.4 has given it up.
BASE: dict[str, Any] = {} if IS_1_4 else {"version_base": None}

#: The method of OmegaConf that registers a resolver.
REGISTER = "register_resolver" if IS_1_4 else "register_new_resolver"
register_resolver = getattr(OmegaConf, REGISTER)

only_with_1_4 = pytest.mark.skipif(not IS_1_4, reason="it is about what only Hydra 1.4 has")
