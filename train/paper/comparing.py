"""Methods of explanation measured on a network as results/PROTOCOL.md says, picture by picture.

Columns are named "method metric" or "method metric fill", with "shuffled " before them where the
network has all weights shuffled. nan is a picture without an answer.
"""

from functools import cache

import numpy as np

from golden.explain import explain
from golden.explain.contribution import contributions, difference
from golden.explain.faithfulness import area, flipped, probabilities, sufficiency
from golden.explain.localisation import enlarged, localised
from golden.explain.methods import named
from golden.explain.road import removed
from golden.explain.sanity import completeness, max_sensitivity, randomised, similarity
from golden.explain.scorecard import FILLS, Setting, fill_of, logits_of, model_of
from golden.formats import GAMMA
from golden.sam import activation_map
from train import scenes

MAIN = ("sam", "count", "contribution", "tsa", "zplus", "zplus-sam")
BESIDE = ("sam-inclusive", "sam-official", "sam-last")
CONTROLS = ("brightness", "centre", "random")
EVERY = (*MAIN, *BESIDE, *CONTROLS)
FAITHFUL = ("sam", "count", "contribution", "zplus")    # what a hypothesis needs by every fill
SETTING = Setting(points=11, how="bilinear", radius=3, draws=3, threshold=0.6, seed=0, fresh=True)
CURVES = (("deletion", False), ("insertion", True))


def seeded(network, number):
    """A network whose encoder draws for the presentation of picture ``number``."""
    return network.replace(seed=2 * int(number) + 1)


@cache
def unlearnt(network):
    """[Network] whose last 1, 2 ... layers are shuffled; the last knows nothing."""
    return [randomised(network, count, SETTING.seed)
            for count in range(1, len(network.stages) + 1)]


def activity_matched(spikes, seed):
    """Spikes (T, C, H, W) of which those of each step and channel change places by chance.

    Every step and channel keeps as many; which neuron fired before is lost. By hand: a channel
    with one spike in each of two steps has one in each, at the same place in 1 of H W cases.
    """
    steps, channels, *places = spikes.shape
    flat = np.random.default_rng(seed).permuted(spikes.reshape(steps, channels, -1), axis=2)
    return flat.reshape(steps, channels, *places)


def right_way_round(heat, first, second):
    """1 where the mean of a map (H, W) on the first mask is above that on the second, 1/2 if even.

    By hand: [[3, 1, 2]] with masks [[1, 0, 0]] and [[0, 1, 1]] gives 1, and 0 the other way round.
    """
    return float(0.5 + 0.5 * np.sign(heat[first].mean() - heat[second].mean()))


def asked(image, network, name, result):
    """The Explanation of the class that was answered."""
    target = {"output_neuron": int(result.pred[0])} if named(name).classed else {}
    return explain(image, network, name, result=result, **target)


def summed(image, network, name, result):
    """(h, w) heat of all steps."""
    return asked(image, network, name, result).heat.sum(axis=0)


def curves(image, network, target, heats, fills, found, prefix=""):
    """Add columns of deletion and insertion; ``heats`` is name -> (H, W), ``fills`` name -> fills.

    All pictures of all curves are run at once, and the whole picture and each fill, with which
    every curve begins or ends, once.
    """
    asked_for = [(name, kind, fill, insertion) for name in heats for fill in fills.get(name, ())
                 for kind, insertion in CURVES]
    inner, ends = [], {}
    for name, _, fill, insertion in asked_for:
        some, at = flipped(image, heats[name], SETTING.points, insertion=insertion,
                           fill=fill_of(Setting(fill=fill), image))
        inner.append(some[1:-1])
        ends[fill] = some[::-1][[0, -1]] if insertion else some[[0, -1]]    # whole, filled
    scores = probabilities(logits_of(network, np.concatenate([*inner, *ends.values()])),
                           network)[:, target]
    count = sum(map(len, inner))
    ends = dict(zip(ends, scores[count:].reshape(-1, 2), strict=True))
    for (name, kind, fill, insertion), values in zip(
            asked_for, scores[:count].reshape(len(inner), -1), strict=True):
        first, last = ends[fill][::-1] if insertion else ends[fill]
        found[f"{prefix}{name} {kind} {fill}"] = area(at, np.array([first, *values, last]))


def located(heat, mask, found, name):
    """Add the columns of localisation at full resolution; the AUC by "nearest" too."""
    if not mask.any() or mask.all():
        return
    for metric, value in localised(heat, mask, SETTING.how).items():
        found[f"{name} {metric}"] = value
    found[f"{name} AUC nearest"] = localised(heat, mask, "nearest")["AUC"]


def columns():
    """All names of columns of ``measured``, in order."""
    fills = filled(EVERY)
    trained = [f"{name} {metric}" for name in EVERY for metric in (
        *(f"{kind} {fill}" for fill in fills.get(name, ()) for kind, _ in CURVES), "AUC",
        "pointing", "mass", "rank", "AUC nearest",
        *(("MPRT", "completeness") if name in MAIN else ()))]
    return [*trained, "matched AUC",
            *(f"shuffled {name} {kind} {fill}" for name in FAITHFUL for fill in FILLS
              for kind, _ in CURVES),
            *(f"shuffled {name} AUC" for name in MAIN), "shuffled matched AUC", "right"]


def filled(names):
    """Name -> the fills of its curves: all of what a hypothesis needs, else black, or none."""
    return {name: FILLS if name in FAITHFUL else FILLS[:1] for name in names
            if name not in BESIDE}


def maps_of(image, network, result):
    """{method: (h, w)} of the class that was answered; without those that are constant."""
    found = {name: summed(image, network, name, result) for name in EVERY}
    return {name: heat for name, heat in found.items() if np.ptp(heat)}


def wide(heats, shape):
    """{method: (H, W)} of maps brought to the picture."""
    return {name: enlarged(heat, shape, SETTING.how) for name, heat in heats.items()}


def matched(result, network, mask, seed, found, prefix):
    """Add the AUC of SAM of ``activity_matched`` spikes of the deepest layer."""
    spikes = activity_matched(result.spikes[network.stages[-2].index][0], seed)
    heat = activation_map(spikes[None], gamma=GAMMA, mode="paper")[0].sum(axis=0)
    place = {}
    located(heat.astype(float), mask, place, "matched")
    found.update({f"{prefix}{name}": value for name, value in place.items() if name.endswith(
        "AUC")})


def measure(image, mask, label, number, network):
    """{column: float} of one picture, those of ``columns`` that have an answer."""
    blind = [seeded(each, number) for each in unlearnt(network)]
    network = seeded(network, number)
    result = model_of(network)(image[None])
    others = [model_of(each)(image[None]) for each in blind]
    target = int(result.pred[0])
    found = {"right": float(target == label)}
    heats = maps_of(image, network, result)
    for name, heat in heats.items():
        located(heat, mask, found, name)
    curves(image, network, target, wide(heats, image.shape[-2:]), filled(heats), found)
    matched(result, network, mask, number, found, "")

    # Of the class that the network itself answered, whatever the shuffled ones answer.
    for name in (name for name in MAIN if name in heats):
        options = {"output_neuron": target} if named(name).classed else {}
        found[f"{name} MPRT"] = np.mean([
            similarity(heats[name], explain(image, each, name, result=other, **options).heat.sum(
                axis=0)) for each, other in zip(blind, others, strict=True)])
        claim = asked(image, network, name, result).claim if named(name).classed else None
        if claim is not None:
            found[f"{name} completeness"] = completeness(heats[name].sum(), claim)

    last, other = blind[-1], others[-1]
    wrong = {name: summed(image, last, name, other) for name in MAIN}
    for name, heat in wrong.items():
        place = {}
        located(heat, mask, place, name)
        if place:
            found[f"shuffled {name} AUC"] = place[f"{name} AUC"]
    curves(image, last, int(other.pred[0]), wide({name: wrong[name] for name in FAITHFUL},
                                                 image.shape[-2:]),
           filled(FAITHFUL), found, "shuffled ")
    matched(other, last, mask, number, found, "shuffled ")
    return found


def measured(subject, pictures):
    """{column: list of float, one a picture}."""
    rows = [measure(*each, subject.network) for each in zip(
        pictures.images, pictures.masks, pictures.labels, pictures.numbers, strict=True)]
    return {name: [float(row.get(name, np.nan)) for row in rows] for name in columns()}


def steadied(subject, pictures):
    """{column: list}: ROAD and sensitivity, which are in no hypothesis."""
    names = [f"{name} {metric}" for name in (*MAIN, *CONTROLS) for metric in (
        "ROAD", "sensitivity")]
    rows = []
    for image, number in zip(pictures.images, pictures.numbers, strict=True):
        network = seeded(subject.network, number)
        run = cache(lambda key, network=network, shape=image.shape: model_of(network)(
            np.frombuffer(key, np.uint8).reshape(1, *shape)))
        result, row = run(image.tobytes()), {}
        target = int(result.pred[0])
        heats = {name: heat for name, heat in maps_of(image, network, result).items()
                 if name not in BESIDE}
        gone = [removed(image, heat, seed=SETTING.seed)
                for heat in wide(heats, image.shape[-2:]).values()]
        kept = logits_of(network, np.concatenate(gone)).argmax(axis=1) == target
        for name, share in zip(heats, kept.reshape(len(gone), -1).mean(axis=1), strict=True):
            row[f"{name} ROAD"] = share
            options = {"output_neuron": target} if named(name).classed else {}
            row[f"{name} sensitivity"] = max_sensitivity(
                lambda moved, name=name, options=options, network=network, run=run: explain(
                    moved, network, name, result=run(moved.tobytes()), **options
                ).heat.sum(axis=0),
                image, radius=SETTING.radius, draws=SETTING.draws, seed=SETTING.seed)
        rows.append(row)
    return {name: [float(row.get(name, np.nan)) for row in rows] for name in names}


def alike(subject, pictures):
    """{method sufficiency: list}, which needs all pictures of a network at once."""
    network, kept, answers = subject.network, {name: [] for name in EVERY}, []
    for image, number in zip(pictures.images, pictures.numbers, strict=True):
        own = seeded(network, number)
        result = model_of(own)(image[None])
        answers.append(int(result.pred[0]))
        for name in EVERY:
            kept[name].append(summed(image, own, name, result))
    return {f"{name} sufficiency": sufficiency(np.stack(heats), answers, SETTING.threshold).tolist()
            for name, heats in kept.items()}


def two_picture(image):
    """(1, H, W) of a scene, as networks take it."""
    return image[None]


def two_objects(subject, pictures):
    """{column: list}: whether C[A] - C[B] lies right in scenes of two objects; SAM's, even, too."""
    made = scenes.make("test", len(pictures.numbers), first=int(pictures.numbers[0]), objects=2)
    found = {"contribution": [], "sam": [], "shuffled contribution": []}
    for image, masks, number, pair in zip(made.images, made.masks, pictures.numbers, made.labels,
                                          strict=True):
        for prefix, network in (("shuffled ", unlearnt(subject.network)[-1]),
                                ("", subject.network)):
            own = seeded(network, number)
            result = model_of(own)(two_picture(image)[None])
            each = contributions(result.spikes[own.stages[-2].index][0], own)
            heat = enlarged(difference(each, *map(int, pair)), image.shape[-2:], SETTING.how)
            found[f"{prefix}contribution"].append(right_way_round(heat, *masks))
        one = activation_map(result.spikes[own.stages[-2].index], gamma=GAMMA, mode="paper")
        one = enlarged(one[0].sum(axis=0) + 0.0, image.shape[-2:], SETTING.how)
        found["sam"].append(right_way_round(one - one, *masks))      # one map for both classes
    return found
