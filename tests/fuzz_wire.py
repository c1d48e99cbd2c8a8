"""python -m tests.fuzz_wire: the command of verify.wire_fuzz."""

from verify.wire_fuzz import main

if __name__ == "__main__":
    main()
