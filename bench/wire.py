"""Images a second of a board at some baud rates, and the energy of an image: estimates.

Bytes and cycles are those of flow.estimate.speed, as the report of a build has them.
"""

from bench.chips import chip
from boards.platform.top import identify
from boards.protocol.identity import MapEncoding
from flow.estimate import speed

__all__ = ["BAUDS", "measure"]

BAUDS = (1_000_000, 3_000_000)


def measure(options, size, *, clock):
    """What a build with ``options`` of hw.build takes an image.

    Parameters
    ----------
    size : dict
        Of bench.chips.size: the cells of that chip.

    Returns
    -------
    dict
        ``cycles``, ``mhz``, ``energy`` as of flow.estimate.speed.energy_of, and ``rates``: for the
        full maps and for their sums, {baud: images a second} for each of ``BAUDS``.
    """
    accelerator, _, hz = chip(options, clock=clock)
    rates = {}
    for form in (MapEncoding.FULL, MapEncoding.SUM):
        identity = identify(accelerator, clock_hz=hz, form=form, counters=False)
        image = speed.image_of(accelerator.plan, identity, "fashion", hz=hz, baud=BAUDS[0])
        rates[form.name.lower()] = {str(each["baud"]): each["images_s"] for each in image["rates"]
                                    if each["baud"] in BAUDS}
    return {"cycles": image["cycles"], "mhz": hz / 1e6, "rates": rates,
            "energy": speed.energy_of("iCE40UP5K", size["lc"], hz=hz, cycles=image["cycles"])}
