"""python -m tests.kill: the command of verify.kill."""

from verify.kill import main

if __name__ == "__main__":
    main()
