"""``python -m dualdiff``; the commands stand in `dualdiff.cli`."""

import sys

from dualdiff.cli import main

if __name__ == "__main__":
    sys.exit(main())
