"""`python -m imapcheck`: the command line."""

from imapcheck.cli.app import main

main()
