# SPDX-License-Identifier: MIT
"""Hide the differences between Hydra 1.3 and 1.4 behind functions that work with either.

Each function says what each release needs. Once support for 1.3 ends, callers use Hydra directly and this
module is deleted. Hydra imports it in every Hydra program, so it must stay light.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import configure_log as _configure_log
from hydra.types import HydraContext
from omegaconf import OmegaConf, read_write

__all__ = [
    "PLUGIN_FIELDS_ARE_READ_TWICE",
    "answering_hydra",
    "bare_context",
    "changes_directory",
    "configure_log",
    "execution_policy",
    "hydra_main",
    "instantiate_class",
    "is_restricted",
    "is_transformed",
    "job_directories",
    "note_overrides",
    "register_resolver",
    "resolve_environment",
    "store_node",
]

# From 1.4 on a program may list what the `_target_` of a config can name; the list is kept in the context.
_IS_1_4 = hasattr(HydraContext, "execution_whitelist")

#: 1.3 resolves the fields of a sweeper or launcher before it makes it, and reads them again, so that an escaped dollar
#: brace wants two escapes.
PLUGIN_FIELDS_ARE_READ_TWICE = not _IS_1_4


def hydra_main(task: Callable[[Any], Any], config_path: str, config_name: str) -> None:
    """Run a task as a Hydra application, with the arguments of this process.

    1.3 behaves like 1.1 unless it is asked for its own ways, and 1.4 knows no others and warns of being asked.
    """
    base: dict[str, Any] = {} if _IS_1_4 else {"version_base": None}
    hydra.main(config_path=config_path, config_name=config_name, **base)(task)()


def note_overrides(config: Any, overrides: list[str]) -> None:
    """Store the overrides of a job in its composed config.

    1.3 also keeps the text for `${hydra.job.override_dirname}`, and 1.4 makes it from the overrides when it is asked.
    """
    config.hydra.overrides.task = overrides
    if not _IS_1_4:
        from hydra._internal import config_loader_impl
        from hydra.core.override_parser.overrides_parser import OverridesParser

        parsed = OverridesParser.create().parse_overrides(overrides)
        text: str = config_loader_impl.get_overrides_dirname(  # type: ignore[attr-defined]  # of 1.3
            parsed, **config.hydra.job.config.override_dirname
        )
        config.hydra.job.override_dirname = text


def register_resolver(name: str, resolver: Callable[..., Any], *, use_cache: bool = True) -> None:
    """Register a resolver for `${name:...}`; replaces one of the same name.

    OmegaConf 2.4, which comes with 1.4, has given the function the name of an older one.

    Args:
        name: Its name.
        resolver: The function.
        use_cache: Whether it is asked once per config.
    """
    register = OmegaConf.register_resolver if _IS_1_4 else OmegaConf.register_new_resolver
    register(name, resolver, use_cache=use_cache, replace=True)


def store_nodes(nodes: Iterable[tuple[str, str, Any]]) -> None:
    """Put several configs into Hydra's config store, each with its group and name."""
    for group, name, node in nodes:
        store_node(group, name, node)


def store_node(group: str, name: str, node: Any, package: str | None = None) -> None:
    """Put a config into Hydra's config store, replacing one of the same name.

    1.3 replaces without a word; 1.4 warns of it, and 1.5 refuses it, unless it is asked for by `replace`.
    """
    replace = {"replace": True} if _IS_1_4 else {}
    ConfigStore.instance().store(group=group, name=name, node=node, package=package, provider="hyperopt_app", **replace)


def instantiate_class(node: Any, target: str) -> Any:
    """Create an instance of the class that a node names, without instantiating inner nodes.

    1.4 takes the list of what may be made, and warns without one; 1.3 makes whatever is named. So the caller has
    looked at the class before.

    Args:
        node: A config with `_target_`.
        target: The dotted path that was looked at.
    """
    from hydra.utils import instantiate

    allowed: dict[str, Any] = {"_execution_whitelist_": target} if _IS_1_4 else {}
    return instantiate(node, _recursive_=False, **allowed)


@contextlib.contextmanager
def answering_hydra(config: Any) -> Iterator[None]:
    """Resolve `${hydra:...}` from the config of a sweep while the body runs.

    1.4 sees to that itself. In 1.3 only jobs can ask, and `hydra.sweep.dir: ${hydra:runtime.cwd}/study` is an error.
    """
    if _IS_1_4:
        yield
        return
    singleton = HydraConfig.instance()
    before = singleton.cfg
    singleton.set_config(config)
    OmegaConf.set_readonly(config.hydra, None)  # launchers of 1.3 write into it
    try:
        yield
    finally:
        singleton.cfg = before


def bare_context(context: HydraContext) -> HydraContext:
    """Return the context of a sweep without the user's callbacks, but with the program's restrictions (1.4)."""
    more = {"execution_whitelist": context.execution_whitelist} if _IS_1_4 else {}
    return HydraContext(config_loader=context.config_loader, callbacks=type(context.callbacks)(), **more)


def changes_directory(chdir: bool | None) -> bool:
    """Whether a job runs in its own directory.

    Where a config does not say so: in 1.3 only for a program whose `version_base` is 1.1 or missing; in 1.4 never.

    Args:
        chdir: The job's `hydra.job.chdir`.
    """
    if chdir is None and not _IS_1_4:
        return not hydra.version.base_at_least("1.2")  # type: ignore[attr-defined]  # of 1.3
    return bool(chdir)


def configure_log(log_config: Any, verbose: Any, context: HydraContext) -> None:
    """Configure logging from a config; 1.4 checks its classes against the program's restrictions."""
    more = {"execution_whitelist": context.execution_whitelist} if _IS_1_4 else {}
    _configure_log(log_config, verbose, **more)


@contextlib.contextmanager
def execution_policy(context: HydraContext) -> Iterator[None]:
    """Return what `instantiate` may create in a job, as its program allows it; 1.3 has no such restriction."""
    if not _IS_1_4:
        yield
        return
    from hydra._internal.execution_policy import execution_whitelist

    with execution_whitelist(context.execution_whitelist, reset=True):
        yield


def resolve_environment(env_set: Any) -> None:
    """Resolve a job's `hydra.job.env_set` where the file `.hydra/hydra.yaml` holds the resolved texts.

    1.4 resolves it before it writes that file. 1.3 writes the texts as the config has them, and resolves them as it
    sets the variables.
    """
    if _IS_1_4:
        with read_write(env_set):
            OmegaConf.resolve(env_set)


def is_restricted() -> bool:
    """Whether the program lets Hydra instantiate only what it lists; never with 1.3."""
    if not _IS_1_4:
        return False
    from hydra._internal.execution_policy import _get_active_execution_whitelist

    return _get_active_execution_whitelist() is not None


def is_transformed(sweep: Any) -> bool:
    """Whether a cast changes the values of a range, as in `str(range(3))`.

    1.4 keeps such casts beside the range; 1.3 applies them to its bounds.
    """
    return bool(getattr(sweep, "transformers", ()))


def job_directories() -> tuple[Path, Path]:
    """Return where the user's command was typed, and the output directory of the running job; both absolute.

    Without a Hydra job both are the working directory.
    """
    if not HydraConfig.initialized():
        return Path.cwd(), Path.cwd()
    runtime = HydraConfig.get().runtime
    start = Path(str(runtime.cwd))
    return start, start / str(runtime.output_dir)
