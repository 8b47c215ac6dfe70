"""Memory records: what is made of conversations, and what is found again."""

from __future__ import annotations

from mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS = (
    Mutant(
        name="namespace-path-is-a-prefix",
        file="memory/namespaces.py",
        old='return and_(column >= first, column < first[:-1] + "0")',
        new='return and_(column >= first[:-1], column < first[:-1] + "\U0010ffff")',
        breaks="A search below /facts/ab finds what belongs to /facts/abc.",
        contracts=("LT-006",),
    ),
    Mutant(
        name="namespace-is-a-path",
        file="memory/records.py",
        old="below(records.c.namespace, path) if deep else records.c.namespace == path,",
        new="below(records.c.namespace, path),",
        breaks="A listing of one namespace has the records of those below it.",
        contracts=("LT-006",),
    ),
    Mutant(
        name="namespace-is-kept-as-given",
        file="memory/namespaces.py",
        old='    return f"/{inner}/" if inner else "/"',
        new='    return text if inner else "/"',
        breaks="A record under /facts is not found under /facts/.",
        contracts=("LT-005",),
    ),
    Mutant(
        name="search-in-all-namespaces",
        file="memory/records.py",
        old="below(records.c.namespace, path) if deep else records.c.namespace == path,",
        new="records.c.namespace != '',",
        breaks="A search finds what other users have said.",
        contracts=("LT-034",),
    ),
    Mutant(
        name="search-is-unsorted",
        file="memory/retrieval/retrieve.py",
        old='found = _found(connection, conditions, ranked(connection, path, conditions, criteria["searchQuery"]))',
        new="""found = reversed(
        [*_found(connection, conditions, ranked(connection, path, conditions, criteria["searchQuery"]))]
    )""",
        breaks="What has most to do with a question comes last.",
        contracts=("LT-030", "LT-031"),
    ),
    Mutant(
        name="search-without-an-end",
        file="memory/retrieval/retrieve.py",
        old='left = criteria.get("topK", record_rules.TOP_K) - shown',
        new="left = 100 - shown",
        breaks="A search gives more records than topK.",
        contracts=("LT-032",),
    ),
    Mutant(
        name="search-in-records-that-were-deleted",
        file="memory/recording.py",
        old='    removed = connection.execute(_REMOVAL, {"record": key}).one()\n',
        new='    removed = connection.execute(_BY_KEY, {"record": key}).one()\n',
        breaks="What a user has had forgotten is found again.",
        contracts=("LT-011", "LT-039"),
    ),
    Mutant(
        name="greater-is-greater-or-equal",
        file="memory/record_filters.py",
        old='"GREATER_THAN": (frozenset({"NUMBER"}), operator.gt),',
        new='"GREATER_THAN": (frozenset({"NUMBER"}), operator.ge),',
        breaks="A filter lets the limit itself pass.",
        contracts=("LT-015",),
    ),
    Mutant(
        name="records-of-every-strategy",
        file="memory/records.py",
        old='if strategy := narrowed.get("memoryStrategyId"):',
        new='if strategy := narrowed.get("strategyId"):',
        breaks="A listing of one strategy's records has those of all.",
        contracts=("LT-020",),
    ),
    Mutant(
        name="records-twice-for-one-token",
        file="memory/record_batches.py",
        old="    if find_record(connection, memory.key, record_id, now) is not None:\n        return\n",
        new="    if find_record(connection, memory.key, record_id, now) is not None:\n"
        "        record_id = recording.new_record_id()\n",
        breaks="A batch that is sent again is saved again.",
        contracts=("LT-009",),
    ),
    Mutant(
        name="facts-are-not-consolidated",
        file="memory/extraction/keeping.py",
        old="subject=_subject(task, memo.subject),",
        new="subject=None,",
        breaks="Whatever a user says twice is two records.",
        contracts=("LT-047",),
    ),
    Mutant(
        name="facts-of-all-in-one-namespace",
        file="memory/extraction/keeping.py",
        old="actor_id=task.job.actor_id,",
        new='actor_id="everybody",',
        breaks="What one user has said is told to another.",
        contracts=("LT-049",),
    ),
    Mutant(
        name="pipelines-are-not-told",
        file="memory/extraction/self_managed/delivery.py",
        old="            await _publish(app, parcel)",
        new="            pass",
        breaks="A self-managed strategy's payload lies in its bucket, and its pipeline never hears of it.",
        contracts=("LT-073",),
    ),
    Mutant(
        name="triggers-strike-at-whole-events",
        file="memory/extraction/self_managed/waiting.py",
        old="count = triggers.struck(task.messages)",
        new="count = len(task.messages) if triggers.struck(task.messages) else 0",
        breaks="A pipeline gets more messages than its trigger's messageCount, and fewer times.",
        contracts=("LT-074",),
    ),
    Mutant(
        name="history-without-an-end",
        file="memory/extraction/self_managed/parcel.py",
        old="        most -= triggers.counts(message)",
        new="        most -= 0",
        breaks="A pipeline gets the whole session again with every payload.",
        contracts=("LT-075",),
    ),
    Mutant(
        name="streams-are-told-texts",
        file="memory/stream_delivery/outbox.py",
        old='.get("level") == "FULL_CONTENT":',
        new='.get("level") != "":',
        breaks="A stream at the level METADATA_ONLY gets what users have said.",
        contracts=("LT-077",),
    ),
    Mutant(
        name="streams-are-not-told-of-deletions",
        file="memory/recording.py",
        old='    outbox.happened(connection, removed.memory_key, "MemoryRecordDeleted", {"id": removed.id}, now)\n',
        new="",
        breaks="A copy that a stream feeds keeps what a user has had forgotten.",
        contracts=("LT-076", "LT-078"),
    ),
    Mutant(
        name="superseded-facts-stay",
        file="memory/recording.py",
        old="            remove(connection, known.key, now)\n",
        new="",
        breaks="Where a user lived is found beside where they live.",
        contracts=("LT-078", "LT-047"),
    ),
)
