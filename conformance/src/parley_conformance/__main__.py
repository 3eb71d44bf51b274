"""`python -m parley_conformance`."""

from parley_conformance.cli import main

main(prog_name="parley-conformance")
