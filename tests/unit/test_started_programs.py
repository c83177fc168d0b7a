# SPDX-License-Identifier: MIT
"""What the tests start, they start as a user does, wherever the suite itself was started."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]

IN_THE_BACKGROUND = """
import signal, subprocess, sys
for name in sys.argv[1].split(","):
    signal.signal(signal.Signals[name], signal.SIG_IGN)
sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "none.ini", "here"]))
"""
# Such as that of a project whose tests take the fixtures of this one.
CONFTEST = "from tests.conftest import run_script"
TEST = """
import signal
from pathlib import Path

def test_it(run_script):
    Path("seen.py").write_text("import signal; print(signal.SIG_IGN in map(signal.getsignal, {1, 2, 3, 15}))")
    assert run_script("seen.py").stdout == "False\\n", "a signal is ignored"
"""


@pytest.mark.parametrize("ignored", ["SIGINT", "SIGINT,SIGQUIT,SIGHUP,SIGTERM"])
def test_programs_get_default_handlers(
    ignored: str, run_script: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    """A suite that was started with signals ignored, as by `&` in a script or nohup, starts programs without that."""
    Path("here").mkdir()
    Path("none.ini").write_text("[pytest]\n")
    Path("background.py").write_text(IN_THE_BACKGROUND)
    Path("here/conftest.py").write_text(CONFTEST)
    Path("here/test_it.py").write_text(TEST)
    done = run_script("background.py", ignored, env={"PYTHONPATH": str(REPO)})
    assert done.returncode == 0, done.stdout + done.stderr
