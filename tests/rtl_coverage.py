"""python -m tests.rtl_coverage: the command of verify.coverage."""

from verify.coverage import main

if __name__ == "__main__":
    main()
