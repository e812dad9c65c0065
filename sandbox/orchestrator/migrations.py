"""The journal's tables. A change is a new entry at the end: files of earlier versions are brought up by it."""

from __future__ import annotations

REGISTRY_COLUMNS = (
    "worker_name",
    "worker_url",
    "status",
    "capabilities",
    "protocol_version",
    "supports_handshake",
    "supports_streaming",
    "max_concurrent_executions",
    "avg_execution_time_ms",
)

# the columns and values of the guide's INSERT; in the scratch table a repeated name is two rows, and the later one wins
SCRATCH_REGISTRY = """
CREATE TABLE worker_registry (
  worker_name TEXT, worker_url TEXT, status TEXT DEFAULT 'active', capabilities TEXT DEFAULT '{}',
  protocol_version TEXT DEFAULT '2.0', supports_handshake BOOLEAN DEFAULT true, supports_streaming BOOLEAN DEFAULT false,
  max_concurrent_executions INTEGER, avg_execution_time_ms INTEGER
);
"""

MIGRATIONS = (
    """
CREATE TABLE worker_registry (
  worker_name TEXT PRIMARY KEY, worker_url TEXT NOT NULL, status TEXT NOT NULL, capabilities TEXT NOT NULL,
  protocol_version TEXT NOT NULL, supports_handshake BOOLEAN NOT NULL, supports_streaming BOOLEAN NOT NULL,
  max_concurrent_executions INTEGER, avg_execution_time_ms INTEGER
);
CREATE TABLE worker_token (worker TEXT PRIMARY KEY, token TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE boot (boot_id TEXT PRIMARY KEY, started_at REAL NOT NULL, ended_at REAL) WITHOUT ROWID;

-- states: queued running waiting cancelling completed failed cancelled
CREATE TABLE execution (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  execution_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, boot_id TEXT NOT NULL,
  client_id TEXT NOT NULL DEFAULT '', request_id TEXT, parameters TEXT NOT NULL, input_ref TEXT, error TEXT,
  created_at REAL NOT NULL, started_at REAL, finished_at REAL
);
CREATE UNIQUE INDEX execution_request ON execution (client_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX execution_state ON execution (state, number);

-- states: pending ready running backoff waiting_quota succeeded failed skipped cancelled
CREATE TABLE stage (
  execution_id TEXT NOT NULL REFERENCES execution (execution_id) ON DELETE CASCADE,
  name TEXT NOT NULL, position INTEGER NOT NULL, worker TEXT NOT NULL, needs TEXT NOT NULL, spec TEXT NOT NULL,
  state TEXT NOT NULL, boot_id TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, packet_id TEXT,
  input_ref TEXT, input_hash TEXT, output_ref TEXT, error TEXT, progress REAL NOT NULL DEFAULT 0,
  ready_at REAL, started_at REAL, finished_at REAL, wake_at REAL,
  PRIMARY KEY (execution_id, name)
) WITHOUT ROWID;

-- states: created offered accepted waiting_quota processing returned acked refused failed timed_out lost superseded
-- ack: none due acked abandoned
CREATE TABLE packet (
  packet_id TEXT PRIMARY KEY,
  execution_id TEXT NOT NULL REFERENCES execution (execution_id) ON DELETE CASCADE,
  stage TEXT NOT NULL, worker TEXT NOT NULL, attempt INTEGER NOT NULL, delivery INTEGER NOT NULL DEFAULT 1,
  state TEXT NOT NULL, boot_id TEXT NOT NULL, code_hash TEXT NOT NULL, input_ref TEXT NOT NULL, output_ref TEXT,
  capabilities TEXT, resource_requirements TEXT, metrics TEXT, error TEXT,
  ack TEXT NOT NULL DEFAULT 'none', ack_success INTEGER, ack_error TEXT, ack_attempts INTEGER NOT NULL DEFAULT 0,
  created_at REAL NOT NULL, offered_at REAL, accepted_at REAL, processing_at REAL, returned_at REAL, acked_at REAL,
  message_bytes INTEGER NOT NULL DEFAULT 0, data_bytes INTEGER NOT NULL DEFAULT 0,
  inline_bytes INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX packet_stage ON packet (execution_id, stage);
CREATE INDEX packet_input ON packet (input_ref, worker);
CREATE INDEX packet_output ON packet (output_ref);

-- bytes are kept once, by content; a reference names them
CREATE TABLE content (sha256 TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, body BLOB NOT NULL);
-- ref_id is what others are told; own_id is the producer's name for it (producer '' is the orchestrator)
-- origin: adopted uploaded planted built
CREATE TABLE reference (
  ref_id TEXT PRIMARY KEY, producer TEXT NOT NULL, own_id TEXT NOT NULL, origin TEXT NOT NULL,
  sha256 TEXT NOT NULL REFERENCES content (sha256), size_bytes INTEGER NOT NULL, is_json INTEGER NOT NULL,
  execution_id TEXT, stage TEXT, created_at REAL NOT NULL, expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX reference_own ON reference (producer, own_id, created_at);
CREATE INDEX reference_content ON reference (sha256);
CREATE INDEX reference_execution ON reference (execution_id);

CREATE TABLE checkpoint (
  scope TEXT PRIMARY KEY, execution_id TEXT, stage TEXT, worker TEXT NOT NULL, packet_id TEXT NOT NULL,
  seq INTEGER NOT NULL, data TEXT NOT NULL, updated_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX checkpoint_stage ON checkpoint (execution_id, stage);

CREATE TABLE usage (
  packet_id TEXT NOT NULL REFERENCES packet (packet_id) ON DELETE CASCADE,
  metric TEXT NOT NULL, amount REAL NOT NULL, PRIMARY KEY (packet_id, metric)
) WITHOUT ROWID;

CREATE TABLE event (
  execution_id TEXT NOT NULL REFERENCES execution (execution_id) ON DELETE CASCADE,
  seq INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (execution_id, seq)
) WITHOUT ROWID;
""",
    """
-- what a packet's worker drew from outside, one row for each delivery; `data` names bodies by sha256
CREATE TABLE recording (
  packet_id TEXT NOT NULL REFERENCES packet (packet_id) ON DELETE CASCADE, delivery INTEGER NOT NULL,
  code_hash TEXT NOT NULL, python TEXT NOT NULL, checkpoint TEXT, data TEXT NOT NULL,
  PRIMARY KEY (packet_id, delivery)
) WITHOUT ROWID;
CREATE TABLE recorded_body (
  packet_id TEXT NOT NULL, delivery INTEGER NOT NULL, sha256 TEXT NOT NULL REFERENCES content (sha256),
  PRIMARY KEY (packet_id, delivery, sha256),
  FOREIGN KEY (packet_id, delivery) REFERENCES recording (packet_id, delivery) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX recorded_body_content ON recorded_body (sha256);
-- when it was imported from a file, for what ran elsewhere
ALTER TABLE execution ADD COLUMN imported_at REAL;
""",
)
