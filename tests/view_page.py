"""python -m tests.view_page: the command of tests.helpers.view_page."""

from tests.helpers.view_page import main

if __name__ == "__main__":
    main()
