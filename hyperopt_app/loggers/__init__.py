# SPDX-License-Identifier: MIT
"""Write each trial into a run of TensorBoard, MLflow, Weights & Biases or CSV files; a module for each of them."""
