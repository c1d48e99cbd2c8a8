"""python -m boards.protocol: the command of boards.protocol.codec."""

from boards.protocol.codec import main

if __name__ == "__main__":
    main()
