"""The networks that the experiments look into."""

from train.paper.work import Subject

FASHION = ("ann/fashion-[0-9].npz",)
SCENES = ("scenes_ann.npz",)
SUBJECTS = (
    Subject("fashion", "fashion.npz", "fashion", "surrogate", FASHION),
    Subject("fashion-conversion", "fashion-1-conversion.npz", "fashion", "conversion", FASHION),
    Subject("fashion-bntt", "fashion-bntt.npz", "fashion", "surrogate",
            ("ann/fashion-bntt-[0-9].npz",)),
    Subject("scenes", "scenes.npz", "scenes", "surrogate", SCENES),
    Subject("scenes, plain", "scenes.npz", "scenes-plain", "surrogate", SCENES),
)
# The network of the scenes from other training seeds, for what one network alone cannot settle.
RETRAINED = tuple(Subject(f"scenes-{seed}", f"scenes-{seed}.npz", "scenes", "surrogate", ())
                  for seed in (2, 3, 4, 5))
