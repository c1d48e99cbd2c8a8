"""The paper's experiments, one a file; ``python -m train.experiments`` runs them."""
