-- What the emulator made before it had migrations.
PRAGMA user_version = 1;
CREATE TABLE memories (
    "key" INTEGER NOT NULL,
    id VARCHAR NOT NULL,
    arn VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    expiry_days INTEGER NOT NULL,
    settings JSON NOT NULL,
    token VARCHAR,
    created_at INTEGER NOT NULL,
    PRIMARY KEY ("key"),
    UNIQUE (id),
    UNIQUE (arn),
    UNIQUE (name),
    UNIQUE (token)
);
CREATE TABLE sessions (
    "key" INTEGER NOT NULL,
    memory_key INTEGER NOT NULL,
    actor_id VARCHAR NOT NULL,
    session_id VARCHAR NOT NULL,
    created_at INTEGER NOT NULL,
    keep_until INTEGER NOT NULL,
    PRIMARY KEY ("key"),
    UNIQUE (memory_key, actor_id, session_id),
    FOREIGN KEY(memory_key) REFERENCES memories ("key") ON DELETE CASCADE
);
CREATE INDEX ix_sessions_keep_until ON sessions (keep_until);
CREATE TABLE branches (
    session_key INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    parent VARCHAR NOT NULL,
    root_event_id VARCHAR NOT NULL,
    PRIMARY KEY (session_key, name),
    FOREIGN KEY(session_key) REFERENCES sessions ("key") ON DELETE CASCADE
);
CREATE TABLE events (
    "key" INTEGER NOT NULL,
    memory_key INTEGER NOT NULL,
    session_key INTEGER NOT NULL,
    event_id VARCHAR NOT NULL,
    timestamp INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    branch VARCHAR NOT NULL,
    payload JSON NOT NULL,
    metadata JSON,
    token VARCHAR,
    PRIMARY KEY ("key"),
    UNIQUE (session_key, event_id),
    UNIQUE (memory_key, token),
    FOREIGN KEY(memory_key) REFERENCES memories ("key") ON DELETE CASCADE,
    FOREIGN KEY(session_key) REFERENCES sessions ("key") ON DELETE CASCADE
);
CREATE INDEX ix_events_expires_at ON events (expires_at);
INSERT INTO memories VALUES (
    1, 'notes-Ab12345678', 'arn:aws:bedrock-agentcore:us-east-1:123456789012:memory/notes-Ab12345678', 'notes', 30,
    '{"description": "d"}', NULL, 1767225600000
);
INSERT INTO sessions VALUES (1, 1, 'ada', 's', 1767225600000, 253402300799999);
INSERT INTO branches VALUES (1, 'left', 'main', '0000001767225600001#0000000a');
INSERT INTO events VALUES (
    1, 1, 1, '0000001767225600001#0000000a', 1767225600001, 253402300799998, 'main', '[{"blob": "\u00e9"}]',
    '{"topic": "tea", "mood": ""}', 'digest'
);
INSERT INTO events VALUES (
    2, 1, 1, '0000001767225600002#0000000b', 1767225600002, 253402300799998, 'left', '[{"blob": {"n": 2}}]', NULL, NULL
);
