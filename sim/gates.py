"""python -m sim.gates: the command of verify.gate_level."""

from verify.gate_level import main

if __name__ == "__main__":
    main()
