"""python -m sim.demo: the command of apps.demo."""

from apps.demo import main

if __name__ == "__main__":
    main()
