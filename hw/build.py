"""python -m hw.build: the command of flow.build."""

from flow.build import main

if __name__ == "__main__":
    main()
