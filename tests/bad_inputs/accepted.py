# SPDX-License-Identifier: MIT
"""The inputs that look bad and are accepted, each with the reason why it does no harm."""

__all__ = ["ACCEPTED"]

# Reason -> the inputs.
_BY_REASON: dict[str, tuple[str, ...]] = {
    "Optuna has given the field up and takes any number": (
        "async_tpe: hydra.sweeper.sampler.prior_weight=-1",
        "async_tpe: hydra.sweeper.sampler.prior_weight=inf",
    ),
    "nothing counts as an improvement then, which is what it says": ("patient: hydra.sweeper.pruner.min_delta=inf",),
    "a word of letters and signs that no shell reads; qsub or bsub says what it thinks of it": (
        "lsf_workers: hydra.launcher.project='../../..'",
        "pbs_workers: hydra.launcher.account='../../..'",
        "pbs_workers: hydra.launcher.nodes=nope",
        "pbs_workers: hydra.launcher.select=nope",
    ),
    "any path may hold the output; it is quoted in the script": (
        "pbs_workers: hydra.launcher.folder='--help'",
        "pbs_workers: hydra.launcher.folder='a\"b; touch HACKED'",
    ),
    "the words of a command; whether there is such a program is the node's to say": (
        "lsf_workers: hydra.launcher.node_check=[-1]",
        "pbs_workers: hydra.launcher.node_check=[-1]",
        "slurm_workers: hydra.launcher.node_check=[-1]",
    ),
    "the words of a program, quoted; whether it is there is the node's to say": (
        "lsf_workers: hydra.launcher.python='$(touch HACKED)'",
        "pbs_workers: hydra.launcher.python='../../..'",
        "slurm_workers: hydra.launcher.python='\\xfc \\u2028 \\u202e'",
    ),
    "lines of `setup` are shell lines, whatever they say": (
        "lsf_workers: hydra.launcher.setup=['']",
        "lsf_workers: hydra.launcher.setup=[-1]",
        "pbs_workers: hydra.launcher.setup=['']",
        "pbs_workers: hydra.launcher.setup=[-1]",
        "slurm_workers: hydra.launcher.setup=['']",
        "slurm_workers: hydra.launcher.setup=[-1]",
    ),
    "sbatch gets it as a value, quoted, and says what it thinks of it": (
        "slurm_workers: hydra.launcher.comment='--help'",
        "slurm_workers: hydra.launcher.comment='a\"b; touch HACKED'",
        "slurm_workers: hydra.launcher.constraint='\\xfc \\u2028 \\u202e'",
        "slurm_workers: hydra.launcher.exclude='$(touch HACKED)'",
        "slurm_workers: hydra.launcher.exclude='\\''",
        "slurm_workers: hydra.launcher.gres=-1",
        "slurm_workers: hydra.launcher.gres=nope",
        "slurm_workers: hydra.launcher.name='--help'",
        "slurm_workers: hydra.launcher.name='a\"b; touch HACKED'",
        "slurm_workers: hydra.launcher.qos='../../..'",
    ),
    "srun gets it as a word, quoted, and says what it thinks of it": ("slurm_workers: hydra.launcher.srun_args=[-1]",),
    "as good as no limit": ("sweeper: hydra.sweeper.max_consecutive_failures=99999999999999999999999",),
    "any text may be the name of a metric; the objective says whether it returns it": (
        "sweeper: hydra.sweeper.metric='../../..'",
    ),
    "a number alone is how many seeds a configuration is trained with": ("sweeper: hydra.sweeper.repeats=3",),
    "every whole number from 0 is a seed": ("sweeper: hydra.sweeper.seed=99999999999999999999999",),
    "a name is a value; no shell reads it, and it leads out of no directory": (
        "sweeper: hydra.sweeper.study_name='$(touch HACKED)'",
        "sweeper: hydra.sweeper.study_name='\\''",
    ),
    "a band of values may begin and end anywhere": (
        "threshold: hydra.sweeper.pruner.lower=-1",
        "threshold: hydra.sweeper.pruner.lower=inf",
        "threshold: hydra.sweeper.pruner.upper=-1",
        "threshold: hydra.sweeper.pruner.upper=inf",
    ),
}
ACCEPTED = {name: reason for reason, names in _BY_REASON.items() for name in names}
