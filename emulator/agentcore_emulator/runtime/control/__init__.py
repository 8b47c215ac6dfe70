"""The control plane of agent runtimes: what `CreateAgentRuntime` and its kin make, and the way from a zip to an agent.

plane           the operations of bedrock-agentcore-control that concern runtimes
runtimes        runtimes and their versions
endpoints       endpoints: names under which callers reach a version
configuration   from a request to the runtime that it describes
described       from a runtime that a file or a yaml configures to what the operations show of it
deployments     the work behind the statuses: fetching, unpacking, booting, routing, ending
artifacts       the zip of a direct code deployment
s3              where it comes from
deferred        hosts of versions that boot when they are first called
tables          what is kept
"""
