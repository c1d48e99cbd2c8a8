"""Operations of a network, one class a file: golden.network.ops.base says what each must answer.

WEIGHTED names the operations with weights by the dimensions of these.
"""

from golden.network.ops.base import output_size
from golden.network.ops.conv import Conv
from golden.network.ops.dense import Dense
from golden.network.ops.greatest import Greatest, GreatestOf
from golden.network.ops.norm import FloatNorm, Norm
from golden.network.ops.pool import POOLS, Pool
from golden.network.ops.recurrent import FloatRecurrent, Recurrent
from golden.network.ops.skip import FloatSkip, Skip

__all__ = ["POOLS", "WEIGHTED", "Conv", "Dense", "FloatNorm", "FloatRecurrent", "FloatSkip",
           "Greatest", "GreatestOf", "Norm", "Pool", "Recurrent", "Skip", "output_size"]

WEIGHTED = {2: Dense, 4: Conv}
