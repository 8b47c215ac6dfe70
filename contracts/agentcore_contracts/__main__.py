"""`python -m agentcore_contracts` is `agentcore-contracts`."""

from agentcore_contracts.cli import main

if __name__ == "__main__":
    main()
