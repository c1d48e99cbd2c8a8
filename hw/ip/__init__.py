"""What is exported alone: a dense layer, explanations of events, AXI4-Stream names."""
