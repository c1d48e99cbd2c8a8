"""cocotb benches: a component as Verilog against golden."""
