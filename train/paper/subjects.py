"""The networks that the experiments look into."""

from train.paper.work import Subject

FASHION = ("ann/fashion-*.npz",)
SUBJECTS = (
    Subject("fashion", "fashion.npz", "fashion", "surrogate", FASHION),
    Subject("scenes", "../build/dev/scenes.npz", "scenes", "surrogate", ("../build/dev/ann.npz",)),
)
