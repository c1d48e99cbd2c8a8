"""python -m sim.explain: the command of apps.explain."""

from apps.explain import main

if __name__ == "__main__":
    main()
