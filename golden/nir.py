"""python -m golden.nir: the command of golden.importers.nir."""

from golden.importers.nir import main

if __name__ == "__main__":
    main()
