# SPDX-License-Identifier: MIT
"""Write the report page: everything about a study in one HTML file that opens offline and fetches nothing."""

import base64
import hashlib
import importlib.util
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.page.about import about
from hyperopt_app.page.data import Gathered, gather
from hyperopt_app.page.plain import script_json
from hyperopt_app.page.summary import Summary, summarised
from hyperopt_app.results.retrain import kept_retrain, retrain_command
from hyperopt_app.support.files import replace_text

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["page_text", "write_page"]

NAME = "report.html"
_NO_PAGE = f"No {NAME}: {{name}} is not installed. Install it with: pip install 'hyperopt-app[report]'"
_STATIC = Path(__file__).parent / "static"
# In the order in which they need each other.
_SCRIPTS = ("store", "theme", "progress", "space", "time", "parallel", "trial", "table", "start")


def write_page(
    study: "optuna.Study",
    study_dir: Path,
    folder: Path,
    *,
    checks: Sequence[str] = (),
    n_trees: int = 64,
    max_depth: int = 64,
) -> list[str]:
    """Write `report.html` into a folder; return lines that say so, or why it cannot be written.

    Args:
        study: The study; only read.
        study_dir: Its directory, to whose trials the page links.
        folder: Where the page goes; it exists.
        checks: What health checks say of the study, a sentence each.
        n_trees: Trees of the forests.
        max_depth: Their greatest depth.

    Raises:
        OSError: The folder cannot be written.
    """
    path = folder / NAME
    try:
        text = page_text(study, study_dir, folder, checks=checks, n_trees=n_trees, max_depth=max_depth)
    except ModuleNotFoundError as error:
        return [_NO_PAGE.format(name=(error.name or "jinja2").partition(".")[0])]
    replace_text(path, text)
    return [f"Saved the report page to {path}; open it in a browser"]


def page_text(
    study: "optuna.Study",
    study_dir: Path,
    folder: Path,
    *,
    checks: Sequence[str] = (),
    n_trees: int = 64,
    max_depth: int = 64,
) -> str:
    """Return the page as text; arguments as of `write_page`.

    Raises:
        ModuleNotFoundError: A package of the extra `report` is not installed.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # Before the study is read, so that a missing package is noticed at once.
    plotly, tables, tables_style = _libraries()
    retrain = _retrain_of(study)
    gathered = gather(study, study_dir, folder, retrain, n_trees=n_trees, max_depth=max_depth)
    environment = Environment(loader=FileSystemLoader(_STATIC), autoescape=True, undefined=StrictUndefined)
    scripts = [plotly, "\n".join(_static(f"{name}.js") for name in _SCRIPTS)]
    shown = _summary_of(study, study_dir, gathered, retrain, checks)
    return environment.get_template("report.html.j2").render(
        about=about(study, study_dir),
        data=_raw(script_json(gathered.data)),
        gathered=gathered,
        policy=_policy(scripts),
        scripts=[_raw(script) for script in scripts],
        shown=shown,
        styles=[_raw(tables_style), _raw(_static("style.css"))],
        tables=_raw(tables),
    )


def _summary_of(
    study: "optuna.Study",
    study_dir: Path,
    gathered: Gathered,
    retrain: Callable[["FrozenTrial"], str],
    checks: Sequence[str],
) -> Summary:
    now = datetime.now().astimezone()
    return summarised(study, study_dir, gathered, retrain, checks, f"{now:%Y-%m-%d %H:%M %Z}")


def _retrain_of(study: "optuna.Study") -> Callable[["FrozenTrial"], str]:
    """Return what gives the command that trains a trial again; an empty text where the study does not say."""
    kept = kept_retrain(study)

    def command(trial: "FrozenTrial") -> str:
        return "" if kept is None or not trial.params else retrain_command(kept, trial)

    return command


def _libraries() -> tuple[str, str, str]:
    """Return plotly.js, the module of DataTables and its style sheet, from the packages that carry them."""
    plotly = _file_of("plotly", "package_data/plotly.min.js")
    bundle = _file_of("itables", "html/dt_bundle.js")
    style = bundle.with_suffix(".css").read_text(encoding="utf-8")
    return _script(plotly), _script(bundle), style.replace("</style", "<\\/style")


def _file_of(package: str, name: str) -> Path:
    """Locate a file of a package without importing it, which would take a second.

    Raises:
        ModuleNotFoundError: The package is not installed, or has no such file.
    """
    spec = importlib.util.find_spec(package)
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / name
    if path is None or not path.is_file():
        raise ModuleNotFoundError(f"No file {name} of the package {package}", name=package)
    return path


def _script(path: Path) -> str:
    """Read a script so that it can stand inside `<script>`, with the line ends that a browser sees there."""
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"<(?=/script|!--)", r"\\x3C", text, flags=re.IGNORECASE)


def _static(name: str) -> str:
    return _script(_STATIC / name)


def _raw(text: str) -> Any:
    """Mark a text as safe: a library, our own files, or JSON that `script_json` has made."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704


def _policy(scripts: Sequence[str]) -> str:
    """Return a content security policy by which the page runs these scripts and no other, and fetches nothing.

    plotly.js compiles what it draws by WebGL from texts of its own, and DataTables is a module, loaded from a blob.
    """
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed} 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
