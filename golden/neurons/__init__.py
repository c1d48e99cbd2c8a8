"""Neuron models, one a file: golden.neurons.base says what each must answer.

MODELS names them as a network file does; a file that names none has the first. Hardware of a model
is in the file of hw/engine/neurons that has its name. REALS has their real neurons by the same
names.
"""

from golden.neurons.alpha import Alpha, FloatAlpha
from golden.neurons.cuba import Cuba, FloatCuba
from golden.neurons.lif import LIF, FloatLIF

MODELS = {"lif": LIF, "cuba": Cuba, "alpha": Alpha}
REALS = {"lif": FloatLIF, "cuba": FloatCuba, "alpha": FloatAlpha}
