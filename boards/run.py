"""python -m boards.run: the command of apps.board_run."""

from apps.board_run import main

if __name__ == "__main__":
    main()
