"""python -m boards.view: the command of apps.view."""

from apps.view.__main__ import main

if __name__ == "__main__":
    main()
