"""A pass is one walk of the engine over a layer; its program is a list of visits."""

from dataclasses import dataclass

from golden.network import Pool, Stage

__all__ = ["Pass", "Term", "Visit"]


@dataclass(frozen=True)
class Visit:
    """One word of the bitmap in a receptive field, relative to the output pixel.

    ``offset`` is its distance in trains, ``row`` the weight row of its first channel relative to
    its group, and ``dy, dx`` its place in the kernel, for clipping at the map's edge. With
    ``leg`` it is the last of a leg of the walk that is not the last leg; ``down, across`` is the
    place of its leg. With ``param`` it stands for ``offset + 1`` rows of neuron parameters instead.
    One of the ``first`` round alone, or of ``later`` ones alone, finds nothing in others. One of
    trains that is ``later`` reads those that the layer itself stored a round before: ``offset`` is
    from their first, and each is its mark in the bitmap. One of a ``term`` above 0 reads the trains
    of that of Pass.terms; ``whole`` ones are inside the map wherever the walk is.
    """

    dy: int
    dx: int
    offset: int
    row: int
    leg: bool = False
    down: int = 0
    across: int = 0
    param: bool = False
    first: bool = False
    later: bool = False
    term: int = 0
    whole: bool = False


@dataclass(frozen=True)
class Term:
    """How walks go over the trains of another pass that a pass reads too (a skip).

    ``base`` is the address of the first receptive field's corner there; the steps are those of
    Pass.
    """

    base: int
    pixel_step: int
    line_step: int
    in_chunk: int
    group_step: int = 0


@dataclass(frozen=True)
class Pass:
    """One walk over a layer: ``program`` for every group of output channels of every pixel.

    A weighted layer is one pass, and so is each max pooling of spikes, which hands on the OR of its
    window's trains. Where the greatest of several sums goes to the neurons, a walk has a leg for
    each of them. Numbers are in trains (addresses), weight rows, pixels or channels, as their names
    say.

    A visit counts where its pixel is inside the map, and its leg inside that of the sums:
    0 <= y + dy < H and 0 <= y + down < leg_limits[0] at a walk whose receptive field begins in
    line y, and so across.
    """

    number: int
    inputs: tuple           # passes whose trains it reads, 0 the input; those of ``terms`` last
    source: int             # which of the two train memories is read; the other is written
    stage: Stage
    merging: bool           # max pooling: trains are merged, nothing is added
    shape: tuple            # (C, H, W) of the output
    headers: tuple          # Visits of parameters: once a pass, or with Plan.per_channel a group
    program: tuple          # Visits of a walk
    window: int             # channels of a visit
    span: int               # output channels of a group
    rows: int               # weight rows of a group
    row_base: int           # first weight row of the first group
    group_step: int         # addresses from one group's receptive field to the next one's
    stride: tuple           # (down, across) from one output pixel to the next, in pooled pixels
    origin: tuple           # (y, x) of the first receptive field, in pooled pixels
    limits: tuple           # (H, W) of the map, in pooled pixels
    leg_limits: tuple       # (H, W) of places of legs, from the first sum's to the last one's
    base: int               # address of the first receptive field's corner, may be negative
    pixel_step: int         # addresses from one output pixel to the next
    line_step: int          # and from the start of one row to the next
    in_chunk: int           # trains between the chunks of one input neuron
    out_stride: int         # trains of an output pixel
    out_chunk: int          # trains between the chunks of one output neuron
    segments: int = 1       # parts into which the inputs of a read-out are cut
    steady: bool = False    # trains hold the bits of numbers that are the same in every step
    lead: int = 0           # weight rows of a group before those of its visits
    loop_row: int = 0       # weight row of the first of the layer's own spikes, within its group
    terms: tuple = ()       # Terms of the skips, numbered from 1
    term_rows: tuple = ()   # weight row of the first train of each, within its group
    pool: Pool | None = None    # of a merging pass
    streamed: bool = False  # weights pass by (hw.plan.streaming); ``row_base`` in the first bank

    @property
    def grid(self):
        """(lines, columns) of walks: output pixels, or the segments of a read-out."""
        return (1, self.segments) if self.segments > 1 else self.shape[1:]

    @property
    def all_rows(self):
        """Weight rows of the pass, but for a header before them."""
        return self.segments * self.groups * self.rows

    @property
    def runs_on(self):
        """Whether the weight rows of a pixel follow those of the pixel before."""
        return self.segments > 1

    @property
    def groups_outermost(self):
        """Whether all pixels of a group are walked before the next group: rows of its weights pass
        by, and each is used by all pixels.
        """
        lines, columns = self.grid
        return self.streamed and not self.runs_on and lines * columns > 1

    @property
    def groups(self):
        """Groups of output channels."""
        return -(-self.shape[0] // self.span)

    @property
    def legs(self):
        """Sums of a walk, of which the greatest goes to the neurons."""
        return 1 + sum(visit.leg for visit in self.program)

    @property
    def reaches(self):
        """Whether legs lie outside the map of sums, at its edges; those do not count."""
        return not self.merging and self.legs > 1 and bool(self.stage.layer.greatest.outside)

    @property
    def neuron(self):
        """Neuron of a weighted pass."""
        return self.stage.layer.neuron

    @property
    def merges(self):
        """What a merging pass does, for people: it pools, or copies into the other memory."""
        return "max pooling" if self.pool != Pool("max", 1, 1) else "copy"

    @property
    def looped(self):
        """Whether the layer reads the trains that it stored a round before."""
        return not self.merging and self.stage.layer.recurrent is not None

    @property
    def storing(self):
        """Whether the pass writes trains."""
        return self.merging or self.stage.layer.spiking
