"""python -m hw.export: the command of flow.export.command."""

from flow.export.command import main

if __name__ == "__main__":
    main()
