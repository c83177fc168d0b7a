# SPDX-License-Identifier: MIT
"""What goes with a job to another process, what stays behind, and the moment of the command."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import cloudpickle
import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import setup_globals
from hydra.experimental.callback import Callback
from hydra.types import HydraContext
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer

from hyperopt_app.support import hydra_state
from hyperopt_app.support.hydra_state import HydraState, packed, sendable, unpacked
from tests._releases import REGISTER, register_resolver

LOCK = threading.Lock()
RunScript = Callable[..., CompletedProcess[str]]

SHARED = f"""
from omegaconf import OmegaConf
from hyperopt_app.support import hydra_state

STATE, DEVICE = {{"n": 0}}, "cpu"

def bump(x):
    STATE["n"] += x
    return STATE["n"]

def setup(device):
    global DEVICE
    DEVICE = device

def task():
    return STATE["n"], DEVICE

OmegaConf.{REGISTER}("bump", bump)
OmegaConf.{REGISTER}("total", lambda: STATE["n"])
sent, state = hydra_state.unpacked(hydra_state.packed(task))
state.restore()
config = OmegaConf.create({{"a": "${{bump:1}}", "b": "${{total:}}"}})
state.script["setup"]("cuda")
print(config.a, config.b, *sent())
"""
SEND = """
import sys
from pathlib import Path
import lib
from hyperopt_app.support.hydra_state import packed

Path(sys.argv[1]).write_bytes(packed(None))
"""
TAKE = """
import sys
from omegaconf import OmegaConf
from hyperopt_app.support.hydra_state import unpacked

unpacked(open(sys.argv[1], "rb").read())[1].restore()
import lib
print(OmegaConf.create({"a": "${dbl:3}"}).a, lib.Net.__name__)
"""
LARGE = """
from hydra.core.config_store import ConfigStore
from hyperopt_app.support.hydra_state import script_definitions

DATA = bytes(3_000_000)

def mentions():
    return DATA

def named():
    return 1

ConfigStore.instance().store(name="x", node={"_target_": "__main__.named"})
print(*script_definitions())
"""


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    """The tables of Hydra and OmegaConf are left as they were found."""
    setup_globals()
    resolvers, instances = BaseContainer._resolvers, Singleton._instances
    BaseContainer._resolvers, Singleton._instances = dict(resolvers), dict(instances)
    yield
    BaseContainer._resolvers, Singleton._instances = resolvers, instances


def _locked(x: int) -> Any:
    with LOCK:
        return x


def _keep_lock(name: str) -> None:
    lock = threading.Lock()
    register_resolver(name, lambda x: (lock, x)[1])


def _sent() -> HydraState:
    """The state as another process gets it, which has no resolver but OmegaConf's own."""
    state = unpacked(packed(None))[1]
    BaseContainer._resolvers = {name: one for name, one in BaseContainer._resolvers.items() if name.startswith("oc.")}
    return state


def _read(text: str) -> Any:
    return OmegaConf.create({"value": text}).value


def test_resolvers_of_hydra_and_of_the_app_arrive() -> None:
    """A closure too, whose function no module has."""
    three = 3
    register_resolver("times_three", lambda x: three * x)
    state = _sent()
    state.restore()
    assert _read("${times_three:4}") == 12
    assert _read("${python_version:major}") == "3"
    assert _read("${oc.select:nothing,7}") == 7


def test_singletons_arrive_and_the_own_plugins_stay() -> None:
    """The config store with the script's groups, and the config from which a worker composes its own."""
    ConfigStore.instance().store(group="drink", name="tea", node={"hot": True})
    HydraConfig.instance().cfg = OmegaConf.create({"hydra": {"sweeper": "the driver's"}})  # type: ignore[assignment]
    plugins = Plugins.instance()
    state = _sent()
    del Singleton._instances[ConfigStore], Singleton._instances[HydraConfig]
    state.restore()
    assert ConfigStore.instance().load("drink/tea.yaml").node == {"hot": True}
    assert HydraConfig.get().sweeper == "the driver's"
    assert Plugins.instance() is plugins
    assert Plugins not in state.singletons


def test_a_resolver_that_cannot_travel_is_named_and_the_others_arrive(caplog: pytest.LogCaptureFixture) -> None:
    """One line with the reason and the ways out; where it is used, the same is said."""
    hydra_state._log_once.cache_clear()
    _keep_lock("locked")
    register_resolver("free", lambda: "free")
    state = _sent()
    (line,) = caplog.messages
    assert line.startswith("The resolver 'locked' cannot be sent to another process (TypeError: cannot pickle")
    assert "hydra.launcher.isolation=none" in line
    state.restore()
    assert _read("${free:}") == "free"
    with pytest.raises(Exception, match=r"\$\{locked:\.\.\.\} cannot be read here.*isolation=none"):
        _read("${locked:1}")


def test_what_the_process_registers_itself_is_not_lost() -> None:
    """A module that the job imports has registered the resolver there already."""
    _keep_lock("locked")
    state = _sent()
    register_resolver("locked", _locked)
    state.restore()
    assert _read("${locked:5}") == 5


def test_a_stand_in_goes_on_to_further_processes() -> None:
    """From the driver to a worker, and from there to a trial."""
    _keep_lock("locked")
    _sent().restore()
    again = _sent()
    assert not again.left_behind
    again.restore()
    with pytest.raises(Exception, match="cannot be read here"):
        _read("${locked:1}")


class Recorder(Callback):
    """A callback of a user's."""

    def __init__(self, thing: Any = None) -> None:
        self.thing = thing


def test_a_callback_that_cannot_travel_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often the context is sent; the context itself keeps it."""
    hydra_state._log_once.cache_clear()
    callbacks = Callbacks()
    callbacks.callbacks = [Recorder(1), Recorder(threading.Lock())]
    context = HydraContext(config_loader=None, callbacks=callbacks)  # type: ignore[arg-type]
    for _ in range(3):
        sent = cloudpickle.loads(cloudpickle.dumps(sendable(context)))
        assert [one.thing for one in sent.callbacks.callbacks] == [1]
    assert len(callbacks.callbacks) == 2
    (line,) = caplog.messages
    assert line.startswith("The Hydra callback Recorder cannot be sent to another process (TypeError")


def test_what_resolvers_and_the_task_share_stays_shared(run_script: RunScript, tmp_path: Path) -> None:
    """A variable of the script that one of them sets is the one that the others read."""
    (tmp_path / "shared.py").write_text(SHARED)
    done = run_script(tmp_path / "shared.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "1", "1", "cuda"]


def test_a_module_that_registers_a_resolver_is_imported_first(run_script: RunScript, tmp_path: Path) -> None:
    """The resolver travels by value; the module, when the job imports it, would find it registered already."""
    text = f"from omegaconf import OmegaConf\nOmegaConf.{REGISTER}('dbl', lambda x: 2 * x)\nclass Net: pass\n"
    (tmp_path / "lib.py").write_text(text)
    (tmp_path / "send.py").write_text(SEND)
    (tmp_path / "take.py").write_text(TAKE)
    for name in ("send.py", "take.py"):
        done = run_script(tmp_path / name, str(tmp_path / "parcel"))
        assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["6", "Net"]


def test_a_large_script_sends_what_a_config_names(run_script: RunScript, tmp_path: Path) -> None:
    """Each trial unpickles it: a function that mentions the data is not sent for nothing."""
    (tmp_path / "large.py").write_text(LARGE)
    done = run_script(tmp_path / "large.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["named"]
