"""The networks that the experiments look into."""

from train.paper.work import Subject

SUBJECTS = (
    Subject("fashion", "fashion.npz", "fashion", "surrogate", "fashion"),
    Subject("fashion-small", "fashion_small.npz", "fashion", "surrogate", "fashion_small"),
)
