"""python -m golden.evidence: the command of golden.io.evidence."""

from golden.io.evidence import main

if __name__ == "__main__":
    main()
