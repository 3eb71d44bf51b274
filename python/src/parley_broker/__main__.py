"""`python -m parley_broker` is `parley-broker`."""

from parley_broker.cli import main

if __name__ == "__main__":
    main()
