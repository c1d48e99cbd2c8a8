"""Plans whose read-out is walked pixel by pixel, so that each pixel's own sums are there."""

from golden.io.errors import rule
from golden.network.linear import check_linear, unpooled
from hw.plan.planner import Plan

__all__ = ["plan_by_pixel", "plan_of"]


def plan_by_pixel(network, **size):
    """Plan whose read-out has a segment for each pixel of the layer before, in (y, x) order.

    What such a segment adds up is the pixel's contribution to each class
    (golden.explain.contribution). Pools before the read-out are part of its weights, a row for each
    neuron; the scores stay the same. Where there are biases, one more segment adds them and nothing
    else. ``size`` are lanes, word_steps and trains of Plan.

    Raises BadInput, with the reason, where a read-out's scores are no sums, or as Plan does.
    """
    check_linear(network)
    rule(all(stage.layer.norm is None for stage in network.stages), network.name,
         "contributions on the chip: norms over time (BNTT) are read once a pass, and a read-out "
         "by pixels takes many turns; the integer model does it (--engine golden)")
    return Plan(unpooled(network), **size, by_pixel=True)


def plan_of(network, *, by_pixel, **size):
    """``plan_by_pixel`` or Plan."""
    return plan_by_pixel(network, **size) if by_pixel else Plan(network, **size)
