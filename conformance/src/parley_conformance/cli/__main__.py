"""`python -m parley_conformance.cli`."""

from parley_conformance.cli import main

main(prog_name="parley-conformance")
