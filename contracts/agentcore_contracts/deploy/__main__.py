"""`python -m agentcore_contracts.deploy` is `agentcore-contracts`."""

import sys

from agentcore_contracts.deploy.cli import main

sys.exit(main())
