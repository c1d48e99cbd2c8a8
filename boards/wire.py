"""python -m boards.wire: the command of apps.link_budget."""

from apps.link_budget import main

if __name__ == "__main__":
    main()
