# SPDX-License-Identifier: MIT
"""Dialect A1 with torch: a study in the constructor, custom updates in the README's spelling, `return self.save`."""

import torch
from aimlutils.hyper_opt.base_objective import *


def custom_updates(trial, conf):
    hyperparameters = conf["optuna"]["parameters"]
    num_dense = trial.suggest_discrete_uniform(**hyperparameters["num_dense"])
    conf["model"]["dense_hidden_dims"] = [8 for _ in range(num_dense)]
    return conf


class Objective(BaseObjective):
    def __init__(self, study, config, metric="val_loss", device="cpu"):
        BaseObjective.__init__(self, study, config, metric, device)

    def train(self, trial, conf):
        conf = custom_updates(trial, conf)
        random.seed(1)
        torch.manual_seed(1)
        model = network(conf["model"]["dense_hidden_dims"], conf["dropout"]).to(self.device)
        optimizer = torch.optim.Adam(model.parameters(), lr=conf["optimizer"]["learning_rate"])
        inputs = torch.linspace(-1, 1, 64, device=self.device).unsqueeze(1)
        wanted = inputs.square()
        for epoch in range(conf["trainer"]["epochs"]):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(inputs), wanted)
            loss.backward()
            optimizer.step()
            trial.report(loss.item(), step=epoch)
            if trial.should_prune():
                raise optuna.TrialPruned()
        results = {"val_loss": loss.detach(), "epochs": conf["trainer"]["epochs"], "layers": len(model)}
        return self.save(trial, results)


def network(widths, dropout):
    layers, width = [], 1
    for wider in widths:
        layers += [torch.nn.Linear(width, wider), torch.nn.Tanh(), torch.nn.Dropout(dropout)]
        width = wider
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))
