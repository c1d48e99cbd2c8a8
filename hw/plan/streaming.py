"""Which weights stay on the chip, and which pass by: streamed from flash, block after block."""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from golden.io.errors import BadInput
from hw.plan.buffers import SPRAM_WORDS, aligned
from hw.plan.packing import pass_image

if TYPE_CHECKING:
    from hw.plan.passes import Pass

__all__ = ["AUTO", "FLASH_RATE", "WEIGHTS", "Blocks", "Streaming", "from_flash_of"]

AUTO = "auto"
WEIGHTS = ("chip", "flash")     # of --weights
FLASH_RATE = 7       # a word comes every 8 cycles at the best, by four lines (boards.link)
STORES = 2           # SPRAMs of an iCE40UP5K that hold weights


class Blocks(NamedTuple):
    """The blocks of a streamed pass: the rows of a group, of one segment.

    Members
    -------
    count : int
        Blocks, each used by one walk (or by the chunks and turns of one).
    lead : int
        Rows before those of the first block: the neuron parameters of the pass.
    rows : int
        Rows of a block.
    """

    count: int
    lead: int
    rows: int


def from_flash_of(weights: str, layers: list[int] | None = None) -> str | tuple[int, ...]:
    """Plan's ``from_flash`` of --weights and --stream."""
    if weights == "chip":
        if layers:
            raise BadInput("--stream is for --weights flash")
        return ()
    return AUTO if not layers else tuple(sorted(set(layers)))


class Streaming:
    """What follows for a hw.plan.planner.Plan from its ``from_flash``.

    Resident rows lie from row 0 on; behind them, each at whole words of the bitmap, the two banks,
    each of the largest block. The second one begins at the second SPRAM where rows have one word
    and the first bank ends before it, so that one can be filled in any cycle in which the other is
    read.
    """

    @cached_property
    def lead_rows(self) -> int:
        """Rows set aside before those of a pass, for the parameters of its neurons."""
        return 0 if self.per_channel else aligned(self.header)

    def blocks_of(self, each: "Pass") -> Blocks:
        """The Blocks of a weighted pass, were it streamed."""
        return Blocks(each.segments * each.groups, self.lead_rows, each.rows)

    def streamable(self, each: "Pass") -> bool:
        """Whether the weights of a pass may pass by: each is used by one walk only, or by those of
        all pixels in turn, whose trains are then stored group after group.
        """
        if self.used_once(each):
            return True
        return not each.merging and each.storing and not self.normed

    def used_once(self, each: "Pass") -> bool:
        """Whether every row of a weighted pass is used by one walk only."""
        lines, columns = each.grid
        return not each.merging and (lines * columns == 1 or each.runs_on)

    @cached_property
    def groups_outermost(self) -> bool:
        """Whether there are passes whose groups are outermost."""
        return any(each.groups_outermost for each in self.passes)

    def check_experiments(self) -> None:
        """Raise BadInput where spikes are to be taken away from layers that are stored group after
        group.
        """
        if apart := [each.stage.index for each in self.passes if each.groups_outermost]:
            raise BadInput(f"{self.network.name}: --weights flash: of layer {apart[0]}, which is "
                           "walked group after group, no spikes are taken away yet "
                           "(--experiments)")

    def with_rows(self, passes: "tuple[Pass, ...]") -> "tuple[Pass, ...]":
        """The passes with the rows of each where they lie; those that are streamed marked."""
        if self.from_flash == ():
            return passes
        chosen = self.chosen(passes)
        _, banks = self.laid_out(passes, chosen)
        at, found = 0, []
        for each in passes:
            if each.number in chosen:
                each = replace(each, streamed=True, row_base=banks[0] + self.lead_rows)
            elif not each.merging:
                each = replace(each, row_base=at + self.lead_rows)
                at = aligned(each.row_base + each.all_rows)
            found.append(each)
        return tuple(found)

    def laid_out(self, passes: "tuple[Pass, ...]", streamed) -> tuple[int, tuple]:
        """(resident rows, first row of each bank) where the passes of these numbers are streamed;
        () for no banks.
        """
        resident = sum(aligned(self.lead_rows + each.all_rows) for each in passes
                       if not each.merging and each.number not in streamed)
        resident = aligned(max(1, resident))
        if not streamed:
            return resident, ()
        bank, first = self.bank_rows(passes, streamed), resident
        apart = self.depth > 1 and first + bank <= SPRAM_WORDS
        return resident, (first, SPRAM_WORDS if apart else first + bank)

    def bank_rows(self, passes, streamed) -> int:
        """Rows of a bank: those of the largest block."""
        return max(aligned(self.lead_rows + each.rows) for each in passes
                   if each.number in streamed)

    def rows_with(self, passes, streamed) -> int:
        """Rows of the weight memory where the passes of these numbers are streamed."""
        resident, banks = self.laid_out(passes, streamed)
        return banks[1] + self.bank_rows(passes, streamed) if banks else resident

    def chosen(self, passes: "tuple[Pass, ...]") -> frozenset[int]:
        """Numbers of the passes that are streamed: those of the layers asked for, else as few as
        must be.

        All take as many words of flash as they have, whenever they are streamed. A block that is
        used once is walked in fewer cycles than it takes to come, and one of a convolution mostly
        in more; so the first ones stay first, and of those the ones of most rows.
        """
        able = {each.number: each for each in passes if self.streamable(each)}
        if self.from_flash != AUTO:
            wanted = {each.number: each for each in passes
                      if not each.merging and each.stage.index in self.from_flash}
            for each in wanted.values():
                if each.number not in able:
                    raise BadInput(f"{self.network.name}: {self.cannot_pass(each)}")
            return frozenset(wanted)
        if self.rows_with(passes, ()) <= self.row_limit:
            return frozenset()
        streamed = set(able)
        for number in sorted(able, key=lambda n: (
                not self.used_once(able[n]), -able[n].all_rows, n)):
            if self.rows_with(passes, fewer := streamed - {number}) <= self.row_limit:
                streamed = fewer
        return frozenset(streamed)

    def cannot_pass(self, each: "Pass") -> str:
        """Why a pass is not streamed, for a message."""
        why = ("norms over time (BNTT) are read pixel by pixel" if self.normed
               else "a read-out of several pixels gives its scores pixel by pixel")
        return (f"the weights of layer {each.stage.index} are not streamed, group after group, "
                f"since {why}: they stay on the chip")

    def check_streaming(self) -> None:
        """Raise BadInput where weights from flash are asked of what cannot take them, or where
        what must stay, or a block, does not fit.
        """
        if self.from_flash == ():
            return
        where = f"{self.network.name}: --weights flash"
        if self.from_flash != AUTO:
            indices = [stage.index for stage in self.network.stages]
            for layer in self.from_flash:
                if layer not in indices:
                    raise BadInput(f"{where}: --stream {layer} is no weighted layer; those are "
                                   f"{', '.join(map(str, indices))}")
        if self.rounded:
            raise BadInput(f"{where}: --schedule {self.order} would read all weights once a round, "
                           f"{self.rounds} times an image; --schedule layers reads them once")
        if self.weight_rows <= self.row_limit:
            return
        stay = [each for each in self.passes if not each.merging and not each.streamed]
        largest = max((each for each in self.passes if each.streamed),
                      key=lambda each: each.rows, default=None)
        need = f"{self.resident_rows} rows that stay"
        if stay and (fixed := [each for each in stay if not self.streamable(each)]):
            need += f" (not streamed yet: {sum(each.all_rows for each in fixed)})"
        if largest is not None:
            need += (f" and two banks of {self.bank_rows(self.passes, self.streamed)}, for a group "
                     f"of layer {largest.stage.index}")
        raise BadInput(f"{where}: does not fit: {need} need {self.weight_rows} rows of "
                       f"{self.row_words * 16} bits, {self.weight_rows - self.row_limit} more than "
                       f"the {self.row_limit} there are; fewer --lanes or weights of fewer bits "
                       "make rows shorter, and convolutions and groups smaller")

    @property
    def depth(self) -> int:
        """SPRAMs one behind the other that hold weights."""
        return max(1, STORES // self.row_words) if self.from_flash != () else 1

    @property
    def row_limit(self) -> int:
        """Rows that the weight memory can have."""
        return SPRAM_WORDS * self.depth

    @cached_property
    def streamed(self) -> frozenset[int]:
        """Numbers of the passes that are streamed."""
        return frozenset(each.number for each in self.passes if each.streamed)

    @property
    def streamed_layers(self) -> list[int]:
        """Layers whose weights are streamed."""
        return [each.stage.index for each in self.passes if each.streamed]

    @cached_property
    def banks(self) -> tuple:
        """First row of each bank; () where nothing is streamed."""
        return self.laid_out(self.passes, self.streamed)[1] if self.streamed else ()

    @cached_property
    def blocks(self) -> tuple[Blocks, ...]:
        """Of each streamed pass, in the order of an image."""
        return tuple(self.blocks_of(each) for each in self.passes if each.streamed)

    @cached_property
    def resident_rows(self) -> int:
        """Rows of the weight memory that are written once, from row 0 on."""
        if self.from_flash == ():
            return self.passes[-1].row_base + self.passes[-1].all_rows
        return self.laid_out(self.passes, self.streamed)[0]

    @cached_property
    def weight_rows(self) -> int:
        """Rows of the weight memory in use."""
        if self.from_flash == ():
            return self.resident_rows
        return self.rows_with(self.passes, self.streamed)

    @property
    def stream_words(self) -> int:
        """Words of 16 bits that an image takes from flash."""
        return self.row_words * sum(each.lead + each.count * each.rows for each in self.blocks)

    @cached_property
    def weight_stream(self) -> np.ndarray:
        """The (stream_words,) words that an image takes from flash, in their order."""
        found = [pass_image(self, each).reshape(-1) for each in self.passes if each.streamed]
        return np.concatenate(found).astype("<u2") if found else np.zeros(0, "<u2")
