"""python -m boards.protocol: the command of boards.protocol.tables."""

from boards.protocol.tables import main

if __name__ == "__main__":
    main()
