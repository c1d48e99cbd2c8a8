"""python -m sim.soak: the command of verify.soak."""

from verify.soak import main

if __name__ == "__main__":
    main()
