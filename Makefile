# Two doors for a newcomer; everything else is in noxfile.py, which `.ci/nox` runs.
.PHONY: demo test

# The scripted tour: a conversation across two sessions, durable memory, streaming, cold and warm starts.
demo:
	@.ci/nox --session demo

# Lint, types, tests, contracts and the demo.
test:
	@.ci/nox
