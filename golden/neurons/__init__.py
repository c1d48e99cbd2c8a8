"""Neuron models, one a file: golden.neurons.base says what each must answer.

MODELS names them as a network file does; a file that names none has the first.
"""

from golden.neurons.lif import LIF

MODELS = {"lif": LIF}
