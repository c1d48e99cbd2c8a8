"""python -m tests.formal.reach: the command of verify.formal.reach."""

from verify.formal.reach import main

if __name__ == "__main__":
    main()
