"""python -m boards.flash: the command of apps.flash."""

from apps.flash import main

if __name__ == "__main__":
    main()
