"""Neuron models, one a file: golden.neurons.base says what each must answer.

MODELS names them as a network file does; a file that names none has the first. Hardware of a model
is in the file of hw/engine/neurons that has its name.
"""

from golden.neurons.lif import LIF

MODELS = {"lif": LIF}
