"""The contracts of AgentCore itself, one module for each subject. They call the probe agent."""
