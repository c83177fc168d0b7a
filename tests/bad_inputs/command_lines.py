# SPDX-License-Identifier: MIT
"""Bad command lines, and bad values of Hydra's own keys that we read: words, and what a clear error names."""

__all__ = ["COMMAND_LINES"]

_SEARCH = ("--multirun", "hparams=sphere", "hydra.sweeper.n_trials=1", "hydra/launcher=basic")
_LOOKS = tuple(
    ((command, *rest), key)
    for command in ("status", "best", "trials", "stop", "hold", "release", "repair")
    for rest, key in (
        ((), "study"),
        (("nope",), "nope"),
        ((".",), "."),
        ((".", "extra"), "extra"),
        ((".", "--nope"), "--nope"),
        (("a\nb",), "directory not found"),
    )
)
_STORAGES = tuple(
    (("status", ".", "--storage", value), "storage")
    for value in (
        *("nope", "", "sqlite:///zz.db", "sqlite:///a/b/zz.db", "journal:nope", "nope.log"),
        *("sqlite://", "postgresql://", "${nope}", "a\nb", "x" * 4000, "mysql+nope://a:b@c/d"),
    )
)
_OF_HYDRA = tuple(
    ((*_SEARCH, f"{key}={value}"), key)
    for key, values in {
        "hydra.sweep.dir": ("''", "' '", "[1]", "null", "'${nope}'", "'a\nb'", "'\x1b[31m'"),
        "hydra.sweep.subdir": ("''", "{a: 1}", "null", "'a\nb'", "'..'"),
        "hydra.launcher": ("null", "text", "[1]", "3", "{_target_: nope}"),
        "hydra.sweeper": ("null", "text", "[1]", "3"),
        "hydra.mode": ("nope", "3", "[1]"),
        "hydra.verbose": ("3", "nope.'"),
        "hydra.job.name": ("null", "[1]", "'${nope}'"),
        "hydra.job.chdir": ("nope", "[1]"),
        "hydra/launcher": ("nope", "''", "[a,b]"),
        "hydra/sweeper": ("nope", "''"),
        "hydra/sweeper/sampler": ("nope", "''"),
        "hydra/sweeper/pruner": ("nope", "''"),
        "hparams": ("nope", "''"),
        "objective": ("hello", "3", "[1]", "null", "'${nope}'"),
    }.items()
    for value in values
)
_ALONE = (
    (("extend", "."), "--trials"),
    (("extend", ".", "--trials", "0"), "whole number above 0"),
    (("status", ".", "--watch=0"), "above 0"),
    (("doctor", "--try=0"), "above 0"),
    (("status", ".", "--watch", "--json"), "not both"),
    (("import", ".", "nope"), "."),
    (("import", "."), "FROM"),
    (("nope",), "nope"),
    (("",), "command"),
    (("hparams",), "hparams"),
    (("--nope",), "--nope"),
    (("=",), "="),
    (("~",), "Could not delete"),
    (("n_trials=5",), "n_trials"),
    ((*_SEARCH, "hydra/launcher=null"), "Config group override must be a string"),
    ((*_SEARCH, "hydra/sweeper=null"), "Config group override must be a string"),
    ((*_SEARCH, "hparams=[1]"), "nothing was started"),
    ((*_SEARCH, "hparams=../../etc"), "../../etc"),
    (("submit",), "hydra.launcher.detach"),
    (("submit", "nope=1"), "nope"),
    (("hparams=sphere", "hydra.run.dir='${nope}'"), "hydra.run.dir"),
    (("hparams=sphere", "--cfg", "nope"), "nope"),
    (("hparams=sphere", "--config-name", "nope"), "nope"),
    (("hparams=sphere", "--config-dir", "nope"), "nope"),
    (("legacy", "nope"), "nope"),
)
COMMAND_LINES: tuple[tuple[tuple[str, ...], str], ...] = (*_LOOKS, *_STORAGES, *_OF_HYDRA, *_ALONE)
