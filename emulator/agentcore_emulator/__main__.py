"""`python -m agentcore_emulator` is `agentcore-emulator`."""

import sys

from agentcore_emulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
