"""The outputs that pages show, made by the program: `scripts/docs` writes, `--check` compares.

In: README.md, README.zh-CN.md, docs/*.md. Out: the same pages, with what the program says now.
What a page may hold:

    ```console                              each line that begins with "$ " is run, in a home folder
    $ photosearch query "a cat" -k 3        whose ~/Pictures are the sample photos, in a terminal
    …                                       of 100 columns; its output is what stands below it

    <!-- runs: photosearch status --json -->    the JSON that a command prints, in the block of
    ```json                                     ```json that follows

    <!-- made: filters -->                  a table that is made from the code: see made.py
    <!-- end -->

    <!-- with: paths = [None] -->        Python is run as well, and has to end without an error;
    ```python                            what it takes for granted may stand before it

The commands of README.md run first; each other page finds the library as they left it. What differs
from one machine to the next (times, rates, the last digit of a score) is none: see compare.py.
"""
