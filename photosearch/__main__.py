"""`python -m photosearch` is the `photosearch` command."""

from photosearch.cli.app import main

if __name__ == "__main__":
    main()
