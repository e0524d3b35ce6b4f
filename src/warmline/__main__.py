"""Lets `python -m warmline` do what `warmline` does."""

from warmline.cli import main

main()
