"""Sessions: who shares what with whom, and when it ends."""

from __future__ import annotations

from mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS = (
    Mutant(
        name="one-session-for-all-ids",
        file="runtime/sessions.py",
        old="session = self._sessions.get(key)\n        if session is not None:",
        new="session = next(iter(self._sessions.values()), None)\n        if session is not None:",
        breaks="What one user has told the agent, another user's session knows.",
        contracts=("RT-002",),
    ),
    Mutant(
        name="no-session-is-found-again",
        file="runtime/sessions.py",
        old="session = self._sessions.get(key)\n        if session is not None:",
        new="session = self._sessions.get(key)\n        if session is not None and not session.serves:",
        breaks="Each invocation of a session starts cold.",
        contracts=("RT-001",),
    ),
    Mutant(
        name="one-invocation-at-a-time",
        file="runtime/sessions.py",
        old="""
            if not session.serves:
                raise RetryableConflictException(_IN_PROGRESS)
            return session
""",
        new="""
            if not session.serves or session.in_flight:
                raise RetryableConflictException(_IN_PROGRESS)
            return session
""",
        breaks="An agent that is at work refuses further invocations of its session.",
        contracts=("RT-005",),
    ),
    Mutant(
        name="cold-start-keeps-globals",
        file="runtime/hosts.py",
        old='    if runtime.platform == "V1":',
        new='    if runtime.platform == "V0":',
        breaks="On V1 a new session goes on from globals that were made once for all.",
        contracts=("RT-003",),
    ),
    Mutant(
        name="crashed-session-is-kept",
        file="runtime/sessions.py",
        old="        self._ended(session, reason)\n        self._clock.in_background(session.microvm.release())",
        new="        self._clock.in_background(session.microvm.release())",
        breaks="A session whose agent has crashed answers errors for ever.",
        contracts=("RT-063",),
    ),
    Mutant(
        name="stop-does-nothing",
        file="runtime/plane.py",
        old='await self._sessions.stop(visit.key, "StopRuntimeSession")',
        new="pass",
        breaks="A session that was stopped goes on as if it had not been.",
        contracts=("RT-080",),
    ),
    Mutant(
        name="stop-finds-what-is-not-there",
        file="runtime/sessions.py",
        old='raise ResourceNotFoundException(f"Session {key.session_id} was not found or has already ended")',
        new="return",
        breaks="Stopping a session that never was is told as a success.",
        contracts=("RT-081",),
    ),
    Mutant(
        name="stop-leaves-the-process",
        file="runtime/sessions.py",
        old="""
        session.microvm.sever()
        if session.lifecycle is not None:
            session.lifecycle.cancel()
        return self._clock.in_background(self._tear_down(session, session.microvm, grace))
""",
        new="""
        self._ended(session)
        return self._clock.in_background(asyncio.sleep(0))
""",
        breaks="The agent works on in a session that was stopped, and streams what it does.",
        contracts=("RT-082",),
    ),
    Mutant(
        name="files-of-the-session-before",
        file="runtime/microvm/resources.py",
        old="""
        if isolated:
            self.upper.mkdir()
            self.scratch.mkdir()
        else:
            copy(like.work if like else project, self.work)
""",
        new="""
        others = [*self.path.parent.glob("*/upper" if isolated else "*/work")]
        if isolated:
            self.scratch.mkdir()
        if others and like is None:
            copy(max(others, key=lambda folder: int(folder.parent.name)), self.upper if isolated else self.work)
        elif isolated:
            self.upper.mkdir()
        else:
            copy(like.work if like else project, self.work)
""",
        breaks="A session begins with the files that another one has written.",
        contracts=("RT-004",),
    ),
    Mutant(
        name="short-session-ids-are-taken",
        file="wire/shapes.py",
        old='        self._least = shape.metadata.get("min")\n',
        new="        self._least = None\n",
        breaks="A session id that AWS refuses works here.",
        contracts=("RT-013",),
    ),
    Mutant(
        name="one-id-for-all-who-name-none",
        file="runtime/front.py",
        old='self.request.get("runtimeSessionId") or str(uuid.uuid4())',
        new='self.request.get("runtimeSessionId") or str(uuid.UUID(int=0))',
        breaks="Callers who name no session share one.",
        contracts=("RT-011",),
    ),
    Mutant(
        name="new-session-is-not-named",
        file="runtime/front.py",
        old='return [(SESSION_HEADER, self.key.session_id), ("x-amzn-RequestId", self.call.request_id)]',
        new="""named = [(SESSION_HEADER, self.key.session_id)] if self.request.get("runtimeSessionId") else []
        return [*named, ("x-amzn-RequestId", self.call.request_id)]""",
        breaks="A client that named no session cannot come back to the one that it was given.",
        contracts=("RT-011",),
    ),
    Mutant(
        name="qualifier-is-ignored",
        file="runtime/agents.py",
        old="""
        agent = found.get(qualifier or DEFAULT_ENDPOINT)
        if agent is None:
            raise ResourceNotFoundException(
                f"No endpoint""",
        new="""
        agent = found.get(DEFAULT_ENDPOINT)
        if agent is None:
            raise ResourceNotFoundException(
                f"No endpoint""",
        breaks="An endpoint that does not exist answers.",
        contracts=("RT-064",),
    ),
    Mutant(
        name="account-is-not-asked-for",
        file="runtime/agents.py",
        old='found = self._by_arn.get(self._arns.get(name, "")) if account_id == self._account_id else None',
        new='found = self._by_arn.get(self._arns.get(name, ""))',
        breaks="An agent runtime is found in the account of somebody else.",
        contracts=("RT-065",),
    ),
)
