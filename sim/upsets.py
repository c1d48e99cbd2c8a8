"""python -m sim.upsets: the command of verify.seu."""

from verify.seu import main

if __name__ == "__main__":
    main()
