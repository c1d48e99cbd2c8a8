"""``python -m sam_snn``: the command ``sam-snn``."""

from sam_snn.command import main

if __name__ == "__main__":
    main()
