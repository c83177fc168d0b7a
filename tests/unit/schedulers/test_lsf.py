# SPDX-License-Identifier: MIT
"""LSF: its script line by line and as bash runs it, its commands' answers as documented; no LSF was at hand."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobReturn
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.config.launchers import LsfWorkersConf
from hyperopt_app.errors import ConfigError, SubmissionError
from hyperopt_app.launchers.payload import load_payload
from hyperopt_app.processes.python_start import module_words
from hyperopt_app.schedulers.lsf import Lsf, LsfQueue, header_faults, parse_jobs, script
from hyperopt_app.schedulers.place import UNKNOWN, Place
from hyperopt_app.schedulers.registry import job_of, judge_of_claims, place_of
from hyperopt_app.schedulers.roster import JobState
from hyperopt_app.worker_process import worker_number
from tests.unit._made_sweeps import made_plan, made_sweep, write_configs

GOLDEN = Path(__file__).parent / "golden" / "workers.lsf"
PAYLOAD = Path("/scratch/my study/launches/0/payload.pkl")
ELEMENT = {"LSB_JOBID": "12", "LSB_JOBINDEX": "3"}


def _settings(**changes: Any) -> dict[str, Any]:
    return {**vars(LsfWorkersConf()), "name": "holodec", "folder": "/scratch/my study/workers/lsf", **changes}


def _program(name: str, text: str) -> None:
    path = Path("bin", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


@pytest.fixture(autouse=True)
def _programs_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")


def test_the_script_is_the_golden_one() -> None:
    """Each `#BSUB` line as the command reference of LSF 10.1 has it; elements are counted from 1, workers from 0."""
    settings = _settings(
        queue="gpu",
        project="climate",
        ncpus=8,
        ngpus=2,
        mem="64gb",
        timeout_min=720,
        directives=["-app dl", '-R "select[type==any]"'],
        setup=["module load cuda"],
        python="'/opt/my python/bin/python'",
    )
    words = shlex.join(module_words("hyperopt_app.worker_process"))  # Python 3.10 has no -P
    golden = GOLDEN.read_text().replace("-P -m hyperopt_app.worker_process", words)
    assert script(settings, PAYLOAD, 1000, 16) == golden


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "two words"}, "hydra.launcher.name"),
        ({"name": "a[1-9]"}, "hydra.launcher.name"),
        ({"queue": "$(touch HACKED)"}, "hydra.launcher.queue"),
        ({"project": "a\n#BSUB -q secret"}, "hydra.launcher.project"),
        ({"gpu": 'num=1" -q x'}, "hydra.launcher.gpu"),
        ({"mem": "64"}, "its unit is the site's"),
        ({"directives": ["touch HACKED"]}, "begin it with an option of bsub"),
        ({"directives": ["-app a\ntouch HACKED"]}, "a line end"),
        ({"directives": ["-W 3"]}, "write hydra.launcher.timeout_min"),
        ({"directives": ["-o /tmp/x"]}, "the launcher sets -o itself; remove it"),
        ({"timeout_min": 1, "grace_s": 31}, "(timeout_min=1); set at most 30"),
    ],
)
def test_what_cannot_be_a_value_is_a_fault(changes: dict[str, Any], words: str) -> None:
    """It is told with its key, and no script is made."""
    assert any(words in fault for fault in header_faults(_settings(**changes)))
    with pytest.raises(ConfigError):
        script(_settings(**changes), PAYLOAD, 0, 1)


def test_the_defaults_have_no_fault() -> None:
    """Nothing is asked for that is not needed."""
    assert header_faults(_settings()) == []
    assert "-gpu" not in script(_settings(), PAYLOAD, 0, 1)


@pytest.mark.parametrize(
    ("changes", "workers"),
    [({}, 1), ({"ngpus": 4}, 4), ({"gpu": "num=2:mode=shared"}, 2), ({"gpu": "gmodel=A100"}, 1)],
)
def test_workers_of_a_job(changes: dict[str, Any], workers: int) -> None:
    """One for each GPU; LSF gives one where only its properties are named."""
    assert Lsf().sharing(_settings(**changes)).workers_per_job() == workers


HOSTILE = st.sampled_from(["$(touch HACKED)", "`touch HACKED`", "'; touch HACKED; '", '"; touch HACKED #'])


@given(folder=HOSTILE, payload=HOSTILE, python=st.sampled_from(["false ; touch HACKED", "false $(touch HACKED)"]))
def test_no_value_becomes_a_command(
    tmp_path_factory: pytest.TempPathFactory, folder: str, payload: str, python: str
) -> None:
    """Paths and programs are words to the shell, whatever stands in them: bash runs the script, nothing is touched."""
    here = tmp_path_factory.mktemp("job")
    (here / folder).mkdir(parents=True)
    text = script(_settings(folder=str(here / folder), python=python), here / payload / "payload.pkl", 0, 1)
    subprocess.run(["/bin/bash"], input=text, cwd=here, env={**os.environ, **ELEMENT}, text=True, check=False)
    assert not list(here.rglob("HACKED"))


@pytest.mark.parametrize(("signals", "first"), [((), ""), (("USR2",), "USR2"), (("INT", "TERM"), "INT")])
def test_the_shell_outlives_the_signals_and_knows_the_first(signals: Sequence[str], first: str) -> None:
    """What comes after the workers runs untouched by brequeue's signals, and the workers' status is the script's."""
    _program(
        "python",
        'case "$*" in *--after-job*) kill -INT $PPID $$; echo "after: $HYPEROPT_SIGNAL $HYPEROPT_JOB";; *)\n'
        f'echo "worker $HYPEROPT_WORKER"; for s in {" ".join(signals)}; do kill -$s $PPID; done; exit 5;; esac',
    )
    text = script(_settings(folder=str(Path.cwd()), python="python"), PAYLOAD, 4, 8)
    done = subprocess.run(["/bin/bash"], input=text, env={**os.environ, **ELEMENT}, text=True, check=False)
    assert done.returncode == 5
    lines = Path("worker-6.12.log").read_text().splitlines()
    assert lines == ["worker 6", f"after: {first} 12[3]"]


def test_a_process_knows_where_it_is() -> None:
    """An element of an array, a job that is none, and neither."""
    assert place_of(ELEMENT, "n1.site") == Place("lsf", job="12[3]", raw_job="12[3]", node="n1")
    assert job_of({"LSB_JOBID": "12", "LSB_JOBINDEX": "0"}) == "12"
    assert place_of({}) == Place()
    assert worker_number({**ELEMENT, "HYPEROPT_WORKER": "2"}, 2, 1) == 5


ANSWER = """\
12|1|RUN|-|-
12|2|PEND|-|Job's resource requirements not satisfied;
12[3]|3|EXIT|TERM_OWNER: job killed by owner|-
12|4|DONE|-|-
12|5|EXIT|TERM_MEMLIMIT: job killed after reaching LSF memory usage limit|-
12|6|EXIT|-|-
12|7|ZOMBI|-|-
13|0|SSUSP|-|-
"""


def test_bjobs_is_read_element_by_element() -> None:
    """Its states and reasons in the words that all schedulers share; some sites show the index in the number too."""
    queue = LsfQueue(lambda _words: ANSWER)
    assert queue.jobs(["12", "13"]) == [
        JobState("12[1]", "runs", "RUN"),
        JobState("12[2]", "waits", "PEND", "Job's resource requirements not satisfied"),
        JobState("12[3]", "ended", "CANCELLED"),
        JobState("12[4]", "ended", "COMPLETED"),
        JobState("12[5]", "ended", "OUT_OF_MEMORY"),
        JobState("12[6]", "ended", "EXIT"),
        JobState("12[7]", "leaves", "ZOMBI"),
        JobState("13", "runs", "SSUSP"),
    ]
    assert queue.alive(["12", "14"]) == {"12"}
    assert queue.ends(["12[1]", "12[3]", "12[6]"]) == {"12[3]": ("CANCELLED", os.geteuid()), "12[6]": ("EXIT", None)}


@pytest.mark.parametrize(("answer", "jobs"), [("", {}), ("No unfinished job found\n", {})])
def test_no_job_is_an_answer(answer: str, jobs: dict[str, Any]) -> None:
    """Also with bjobs' exit status for it."""
    assert parse_jobs(answer) == jobs
    _program("bjobs", "echo 'No job found' >&2; exit 255")
    assert LsfQueue().jobs(["7"]) == []


def test_what_is_no_answer_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A daemon that is away, or other text; said once."""
    _program("bjobs", "echo '7|0|RUN|-|-'")
    now = [0.0]
    queue = LsfQueue(clock=lambda: now[0])
    assert queue.alive(["7"]) == {"7"}
    _program("bjobs", "echo 'LSF is down. Please wait ...' >&2; exit 255")
    for now[0] in (11.0, 22.0):
        assert (queue.alive(["7"]), queue.jobs(["7"]), queue.ends(["7"])) == (None, None, None)
    assert len(caplog.messages) == 1
    with pytest.raises(ValueError, match="Please"):
        parse_jobs("Please wait\n")


def test_one_question_answers_for_ten_seconds() -> None:
    """But for a job that was not asked for yet: it may be younger than the answer."""
    now, asked = [0.0], list[Sequence[str]]()

    def run(words: Sequence[str]) -> str:
        asked.append(words)
        return ANSWER

    queue = LsfQueue(run, lambda: now[0])
    for jobs, now[0] in ((["12"], 0.0), (["12"], 9.0), (["13"], 9.0), (["13", "12"], 20.0)):
        queue.jobs(jobs)
    assert len(asked) == 3
    assert asked[0][:3] == ("bjobs", "-a", "-noheader")


@pytest.mark.parametrize(
    ("job", "is_gone", "state"),
    [("12[3]", True, "CANCELLED"), ("12[5]", True, "OUT_OF_MEMORY"), ("12[1]", False, "RUN"), ("12[2]", False, "")],
)
def test_a_claim_is_judged_by_its_job(job: str, is_gone: bool, state: str) -> None:
    """A job that has ended took its worker with it; one that waits may have come back."""
    queue = LsfQueue(lambda _words: ANSWER)
    verdict = queue.verdict({"worker": "a", "place": vars(Place("lsf", job=job))})
    assert (verdict.is_gone, verdict.state) == (is_gone, state)
    assert queue.verdict({"worker": "a", "place": vars(Place("pbs", job=job))}) == UNKNOWN


def test_an_older_answer_does_not_judge_a_younger_claim() -> None:
    """A job keeps its number when it comes back: that its last run has ended says nothing of this one."""
    answers = ["12|3|EXIT|-|-", "12|3|RUN|-|-"]
    queue = LsfQueue(lambda _words: answers.pop(0), lambda: 0.0)
    place = vars(Place("lsf", job="12[3]"))
    assert queue.verdict({"worker": "a", "place": place}).is_gone
    assert not queue.verdict({"worker": "b", "place": place}).is_gone


def test_the_judge_of_claims_asks_the_scheduler_that_a_claim_names() -> None:
    """bjobs for a job of LSF, nobody for a worker outside of any."""
    _program("bjobs", "echo '12|3|EXIT|-|-'; touch asked")
    judge = judge_of_claims()
    assert judge.verdict({"worker": "a", "place": vars(Place())}) == UNKNOWN
    assert not Path("asked").exists()
    assert judge.verdict({"worker": "a", "place": vars(Place("lsf", job="12[3]"))}).is_gone


@pytest.mark.parametrize(
    ("signal", "stat", "comes_back"),
    [("", "RUN", True), ("USR2", "RUN", True), ("INT", "RUN", False), ("TERM", "RUN", False), ("USR2", "EXIT", False)],
)
def test_a_job_comes_back_unless_somebody_has_ended_it(signal: str, stat: str, comes_back: bool) -> None:
    """bkill begins with SIGINT, the run limit with SIGUSR2; until a job has ended LSF shows both as RUN."""
    calls = list[Sequence[str]]()

    def run(words: Sequence[str]) -> str:
        calls.append(words)
        return f"{stat}\n"

    environment = {"HYPEROPT_JOB": "12[3]", "HYPEROPT_SIGNAL": signal}
    assert (Lsf().obstacle(environment, run, by_limit=True) == "") is comes_back
    assert Lsf().put_back(environment, run) == ""
    assert calls[-1] == ["brequeue", "12[3]"]


def test_the_largest_array_is_the_sites() -> None:
    """As bparams says; LSF's own default where it does not."""
    assert Lsf().largest_batch() == 1000
    _program("bparams", "echo '    MAX_JOB_ARRAY_SIZE = 10000'")
    assert Lsf().largest_batch() == 10000


class Task:
    """What the launcher gets as its task."""

    def __init__(self, folder: Path) -> None:
        self.plan = made_plan(folder)

    def __call__(self, _config: Any) -> None:
        """No worker runs here."""


def _launch(tmp_path: Path, workers: int) -> Sequence[JobReturn]:
    from hydra.core.plugins import Plugins

    words = ("hydra/launcher=lsf_workers", "hydra.launcher.detach=true", "hydra.sweep.dir=study")
    context, config = made_sweep(write_configs(tmp_path, {"config": "x: 1"}), *words)
    (tmp_path / "study").mkdir(exist_ok=True)
    task = Task(tmp_path / "study")
    launcher = Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)
    return launcher.launch([["x=1"]] * workers, 0)


def test_a_launch_submits_arrays_and_a_second_one_attaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By bsub's standard input, no larger than the site allows; what the jobs run is frozen beside the study."""
    monkeypatch.setattr(sys, "path", [*sys.path])  # a worker puts the driver's before its own
    _program("bsub", "cat > script-$$; echo 'Job <7> is submitted to default queue <normal>.'")
    _program("bparams", "echo 'MAX_JOB_ARRAY_SIZE = 3'")
    _program("bjobs", "echo '7|1|RUN|-|-'")
    assert _launch(tmp_path, 5) == []
    scripts = sorted(path.read_text().splitlines() for path in tmp_path.glob("script-*"))
    assert [lines[1].partition("[")[2] for lines in scripts] == ['1-2]"', '1-3]"']
    settings = load_payload(tmp_path / "study/launches/0/payload.pkl")["settings"]
    assert (settings["scheduler"], settings["near_limit_s"]) == ("lsf", 120.0)
    assert _launch(tmp_path, 5) == []
    assert len(list(tmp_path.glob("script-*"))) == 2


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (None, "bsub not found; run this on a machine with LSF"),
        ("echo 'no such queue' >&2; exit 255", "bsub refused the workers: no such queue"),
        ("echo done", "bsub refused the workers: it wrote 'done'"),
    ],
)
def test_a_refusal_is_told(tmp_path: Path, program: str | None, words: str) -> None:
    """With bsub's own words."""
    if program is not None:
        _program("bsub", program)
    with pytest.raises(SubmissionError, match=words):
        _launch(tmp_path, 1)
