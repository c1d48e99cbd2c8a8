"""Neuron models of the engine, one a file: one step a cycle, as golden.neurons has them."""
