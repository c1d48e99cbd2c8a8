"""python -m golden.quantise: the command of golden.importers.cli."""

from golden.importers.cli import main

if __name__ == "__main__":
    main()
