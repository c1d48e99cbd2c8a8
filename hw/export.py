"""python -m hw.export: the command of flow.export.units."""

from flow.export.units import main

if __name__ == "__main__":
    main()
