# SPDX-License-Identifier: MIT
"""The original README's own example with a small network in it, as its users have it on disk; no test stands here."""

from pathlib import Path
from textwrap import dedent

HYPER = """\
    log:
      save_path: "results/log.txt"
    {batch}
    optuna:
      name: "holodec_optimization.db"
      reload: 0
      objective: "objective.py"
      metric: "val_loss"
      direction: "minimize"
      n_trials: {n_trials}
      gpu: False
      save_path: "results"
      sampler:
        type: "TPESampler"
        seed: 7
      parameters:
        num_dense:
          type: "int"
          settings:
            name: "num_dense"
            low: 0
            high: 3
        dropout:
          type: "float"
          settings:
            name: "dr"
            low: 0.0
            high: 0.5
        optimizer:learning_rate:
          type: "loguniform"
          settings:
            name: "lr"
            low: 0.0000001
            high: 0.01
    """

SLURM = """slurm:
      jobs: {jobs}
      batch:
        account: "NAML0001"
        gres: "gpu:v100:1"
        mem: "100M"
        n: 1
        t: "00:10:00"
        J: "hyper_opt"
        o: "hyper_opt.out"
        e: "hyper_opt.err"
      bash: ["export LEGACY_SEEN=1"]"""

MODEL = """\
    model:
      image_channels: 1
      hidden_dims: [3, 94, 141, 471, 425, 1122]
      z_dim: 4
      dense_hidden_dims: [10]
      dense_dropouts: [0.0]
      tasks: ["x", "y", "z", "d", "binary"]
    optimizer:
      type: "lookahead-diffgrad"
      learning_rate: 0.000631
      weight_decay: 0.0
    trainer:
      start_epoch: 0
      epochs: 2
      clip: 1.0
      alpha: 1.0
      beta: 0.1
      path_save: "test"
    """

# The template of the README, its `custom_updates` included, with the README's own wrong call in it.
OBJECTIVE = """\
    from aimlutils.hyper_opt.base_objective import *
    from aimlutils.hyper_opt.utils import KerasPruningCallback

    import torch


    def custom_updates(trial, conf):

        # Get list of hyperparameters from the config
        hyperparameters = conf["optuna"]["parameters"]

        # Now update some via custom rules
        num_dense = trial.suggest_discrete_uniform(**hyperparameters["num_dense"])

        # Update the config based on optuna's suggestion
        conf["model"]["dense_hidden_dims"] = [10 for k in range(num_dense)]

        return conf


    class Objective(BaseObjective):

        def __init__(self, study, config, metric = "val_loss", device = "cpu"):

            # Initialize the base class
            BaseObjective.__init__(self, study, config, metric, device)

        def train(self, trial, conf):

            # Make any custom edits to the model conf before using it to train a model.
            conf = custom_updates(trial, conf)

            torch.manual_seed(0)
            sizes = [conf["model"]["z_dim"], *conf["model"]["dense_hidden_dims"], 1]
            layers = [layer for pair in zip(sizes, sizes[1:]) for layer in (torch.nn.Linear(*pair), torch.nn.Tanh())]
            network = torch.nn.Sequential(*layers).to(self.device)
            adam = torch.optim.Adam(network.parameters(), lr=conf["optimizer"]["learning_rate"])
            x = torch.rand(64, sizes[0])
            y = x.mean(1, keepdim=True)
            for epoch in range(conf["trainer"]["epochs"]):
                loss = ((network(x) - y) ** 2).mean()
                adam.zero_grad()
                loss.backward()
                adam.step()
                trial.report(float(loss), step = epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned()

            results_dictionary = {
                "val_loss": float(loss),
                "loss": float(loss),
                "val_accuracy": 1.0
            }
            return results_dictionary
    """


def write_readme_example(place: Path, *, n_trials: int = 6, jobs: int = 0, objective: str = OBJECTIVE) -> None:
    """`hyperparameters.yml`, `model_config.yml` and `objective.py`; with a slurm block if there are jobs."""
    batch = SLURM.format(jobs=jobs) if jobs else ""
    text = dedent(HYPER).format(n_trials=n_trials, batch=dedent(batch.replace("slurm:", "    slurm:", 1)))
    (place / "hyperparameters.yml").write_text(text)
    (place / "model_config.yml").write_text(dedent(MODEL))
    (place / "objective.py").write_text(dedent(objective))
