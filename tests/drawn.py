"""python -m tests.drawn: the command of verify.drawn."""

from verify.drawn.__main__ import main

if __name__ == "__main__":
    main()
