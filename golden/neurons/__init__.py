"""Neuron models in integers, one a file."""
