# SPDX-License-Identifier: MIT
"""The program of a rank that `torchrun` starts; it knows of its trial by what `hyperopt_app` tells it."""

import json
import sys
from types import SimpleNamespace

import torch.distributed
import torch_trainings  # type: ignore[import-not-found]  # beside this file

torch.distributed.init_process_group("gloo")
torch_trainings.trained(SimpleNamespace(**json.loads(sys.argv[1])))
