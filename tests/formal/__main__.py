"""python -m tests.formal: the command of verify.formal."""

from verify.formal.__main__ import main

if __name__ == "__main__":
    main()
