# SPDX-License-Identifier: MIT
"""Check which GPUs torch sees on this machine, in a process of its own, so that the command touches no device."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hyperopt_app.doctor.check_result import CheckResult, ok
from hyperopt_app.processes.python_start import safe_words
from hyperopt_app.support.display_text import counted

__all__ = ["ask_torch", "gpu_results"]

_LONGEST_S = 120.0
_ASKED = """
import json
try:
    import torch
except ModuleNotFoundError as error:
    print(json.dumps({"lacks": str(error.name)}))
except Exception as error:
    print(json.dumps({"broken": f"{type(error).__name__}: {error}"}))
else:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = [torch.cuda.get_device_name(number) for number in range(count)]
    print(json.dumps({"torch": torch.__version__, "gpus": names}))
"""


def gpu_results(
    wanted: Sequence[int], *, has_jobs: bool, ask: Callable[[], Mapping[str, Any]] | None = None
) -> list[CheckResult]:
    """Compare the GPUs that torch sees with those of the machine, and with those that the launcher is to use.

    Args:
        wanted: The numbers of GPUs that `hydra.launcher.gpus` names.
        has_jobs: Whether workers run elsewhere; then this machine's GPUs do not matter.
        ask: Asks torch; by default `ask_torch`.
    """
    answer = (ask or ask_torch)()
    if has_jobs:
        count = len(answer.get("gpus", ()))
        return [ok("gpus", f"torch sees {counted(count, 'GPU')} here; workers are jobs and see those of their nodes")]
    if "broken" in answer:
        text = f"torch cannot be imported: {answer['broken']}"
        return [CheckResult("gpus", "warning", text, "install it anew in this environment")]
    gpus, present = list(answer.get("gpus", ())), _present()
    if wanted and max(wanted) >= max(len(gpus), present):
        text = f"hydra.launcher.gpus names the GPU {max(wanted)}, and this machine has {counted(len(gpus), 'GPU')}"
        return [CheckResult("gpus", "fault", text, "name those that are there, or leave it null for the CPU")]
    if "lacks" in answer:
        return [ok("gpus", "torch is not installed, so nothing is known of GPUs")]
    if present and not gpus:
        text = f"nvidia-smi lists {counted(present, 'GPU')}, and torch {answer['torch']} sees none"
        remedy = "install a torch for CUDA that fits the driver, and see that CUDA_VISIBLE_DEVICES is not empty"
        return [CheckResult("gpus", "warning", text, remedy)]
    seen = f"{counted(len(gpus), 'GPU')} ({', '.join(gpus)})" if gpus else "no GPU, so torch trains on the CPU"
    return [ok("gpus", f"torch {answer['torch']} sees {seen}")]


def ask_torch() -> Mapping[str, Any]:
    """Return what torch says of GPUs: `torch` and `gpus`, or `lacks`, or why it is `broken`."""
    words = [sys.executable, *safe_words(), "-c", _ASKED]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_LONGEST_S, check=True)
        answer: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"broken": f"no answer within {_LONGEST_S:g} s"}
    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
        return {"broken": " ".join(str(error).split())}
    return answer


def _present() -> int:
    """Return how many GPUs nvidia-smi lists."""
    if shutil.which("nvidia-smi") is None:
        return 0
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=_LONGEST_S, check=False)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines())
