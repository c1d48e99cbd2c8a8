"""python -m tests.mutation: the command of verify.mutation."""

from verify.mutation.__main__ import main

if __name__ == "__main__":
    main()
