"""python -m tests.proof_page: the command of verify.page."""

from verify.page import main

if __name__ == "__main__":
    main()
