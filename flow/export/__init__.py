"""A unit alone as plain Verilog, with a testbench and the model's answers."""
