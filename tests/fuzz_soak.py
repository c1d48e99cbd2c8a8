"""python -m tests.fuzz_soak: the command of verify.fuzz."""

from verify.fuzz.__main__ import main

if __name__ == "__main__":
    main()
