"""python -m golden.quantise: the command of golden.importers.quantise."""

from golden.importers.quantise import main

if __name__ == "__main__":
    main()
