-- The journal's statements, by name. Every change of state names the state it expects and the boot that may do it:
-- zero rows changed means that what comes now is late, and it is discarded.

-- name: forget_registration
DELETE FROM worker_registry WHERE replace(lower(worker_name), '-', '_') = :folded

-- name: register
INSERT INTO worker_registry VALUES (:worker_name, :worker_url, :status, :capabilities, :protocol_version,
  :supports_handshake, :supports_streaming, :max_concurrent_executions, :avg_execution_time_ms)

-- name: registrations
SELECT json_object('worker_name', worker_name, 'worker_url', worker_url, 'status', status,
  'capabilities', json(capabilities), 'protocol_version', protocol_version,
  'supports_handshake', json(iif(supports_handshake, 'true', 'false')),
  'supports_streaming', json(iif(supports_streaming, 'true', 'false')),
  'max_concurrent_executions', max_concurrent_executions, 'avg_execution_time_ms', avg_execution_time_ms)
FROM worker_registry ORDER BY worker_name

-- name: registration
SELECT json_object('worker_name', worker_name, 'worker_url', worker_url, 'status', status,
  'max_concurrent_executions', max_concurrent_executions)
FROM worker_registry WHERE replace(lower(worker_name), '-', '_') = :folded

-- name: tokens
SELECT worker, token FROM worker_token

-- name: keep_token
INSERT INTO worker_token VALUES (:worker, :token) ON CONFLICT (worker) DO UPDATE SET token = excluded.token

-- name: begin_boot
INSERT INTO boot (boot_id, started_at) VALUES (:boot_id, :now)

-- name: end_boot
UPDATE boot SET ended_at = :now WHERE boot_id = :boot_id

-- name: unfinished
SELECT execution_id, state FROM execution WHERE state IN ('queued', 'running', 'waiting', 'cancelling')

-- name: same_request
SELECT execution_id FROM execution WHERE client_id = :client_id AND request_id = :request_id

-- name: insert_execution
INSERT INTO execution (execution_id, kind, name, state, boot_id, client_id, request_id, parameters, input_ref, created_at)
VALUES (:execution_id, :kind, :name, 'queued', :boot_id, :client_id, :request_id, :parameters, :input_ref, :now)

-- name: insert_stage
INSERT INTO stage (execution_id, name, position, worker, needs, spec, state, boot_id, ready_at)
VALUES (:execution_id, :name, :position, :worker, :needs, :spec, :state, :boot_id,
  CASE :state WHEN 'ready' THEN :now END)

-- name: take_over_stage
UPDATE stage SET state = 'succeeded', output_ref = :output_ref, progress = 100
WHERE execution_id = :execution_id AND name = :stage AND boot_id = :boot_id

-- name: claim_stage
UPDATE stage SET state = 'running', packet_id = :packet_id, attempts = :attempt, input_ref = :input_ref,
  input_hash = :input_hash, wake_at = NULL, error = NULL, started_at = coalesce(started_at, :now)
WHERE execution_id = :execution_id AND name = :stage AND state = 'ready' AND boot_id = :boot_id

-- name: run_execution
UPDATE execution SET state = 'running', started_at = coalesce(started_at, :now)
WHERE execution_id = :execution_id AND state IN ('queued', 'waiting') AND boot_id = :boot_id

-- name: insert_packet
INSERT INTO packet (packet_id, execution_id, stage, worker, attempt, state, boot_id, code_hash, input_ref, created_at)
VALUES (:packet_id, :execution_id, :stage, :worker, :attempt, 'created', :boot_id, :code_hash, :input_ref, :now)

-- name: redeliver_packet
UPDATE packet SET delivery = delivery + 1, attempt = :attempt, code_hash = :code_hash, error = NULL,
  state = CASE WHEN accepted_at IS NULL THEN 'created' ELSE 'accepted' END
WHERE packet_id = :packet_id AND boot_id = :boot_id
  AND state IN ('created', 'offered', 'accepted', 'processing', 'timed_out', 'lost')
RETURNING delivery

-- name: offer_packet
UPDATE packet SET state = 'offered', offered_at = :now
WHERE packet_id = :packet_id AND state = 'created' AND boot_id = :boot_id

-- name: accept_packet
UPDATE packet SET state = 'accepted', accepted_at = :now, capabilities = :capabilities,
  resource_requirements = :resource_requirements,
  message_bytes = message_bytes + :message_bytes, inline_bytes = inline_bytes + :inline_bytes
WHERE packet_id = :packet_id AND state = 'offered' AND boot_id = :boot_id

-- name: process_packet
UPDATE packet SET state = 'processing', processing_at = :now
WHERE packet_id = :packet_id AND state = 'accepted' AND boot_id = :boot_id

-- name: return_packet
UPDATE packet SET state = 'returned', returned_at = :now, output_ref = :output_ref, metrics = :metrics,
  ack = 'due', ack_success = 1, data_bytes = data_bytes + :data_bytes,
  message_bytes = message_bytes + :message_bytes, inline_bytes = inline_bytes + :inline_bytes
WHERE packet_id = :packet_id AND state = 'processing' AND boot_id = :boot_id

-- name: succeed_stage
UPDATE stage SET state = 'succeeded', output_ref = :output_ref, finished_at = :now, progress = 100, error = NULL
WHERE execution_id = :execution_id AND name = :stage AND state = 'running' AND packet_id = :packet_id
  AND boot_id = :boot_id

-- name: insert_usage
INSERT INTO usage (packet_id, metric, amount) VALUES (:packet_id, :metric, :amount)
ON CONFLICT (packet_id, metric) DO UPDATE SET amount = excluded.amount

-- name: ready_dependents
UPDATE stage SET state = 'ready', ready_at = :now
WHERE execution_id = :execution_id AND state = 'pending' AND boot_id = :boot_id AND NOT EXISTS (
  SELECT 1 FROM json_each(stage.needs) AS need JOIN stage AS other
  ON other.execution_id = stage.execution_id AND other.name = need.value WHERE other.state <> 'succeeded')
RETURNING name

-- name: end_attempt
UPDATE packet SET state = coalesce(:packet_state, state), error = :error,
  ack = iif(:ack_due AND processing_at IS NOT NULL, 'due', ack),
  ack_success = iif(:ack_due AND processing_at IS NOT NULL, 0, ack_success), ack_error = :error,
  message_bytes = message_bytes + :message_bytes, inline_bytes = inline_bytes + :inline_bytes
WHERE packet_id = :packet_id AND boot_id = :boot_id
  AND state IN ('created', 'offered', 'accepted', 'waiting_quota', 'processing')
RETURNING ack

-- name: backoff_stage
UPDATE stage SET state = 'backoff', wake_at = :wake_at, error = :error
WHERE execution_id = :execution_id AND name = :stage AND state = 'running' AND packet_id = :packet_id
  AND boot_id = :boot_id

-- name: wait_execution
UPDATE execution SET state = 'waiting' WHERE execution_id = :execution_id AND state = 'running' AND boot_id = :boot_id
  AND NOT EXISTS (SELECT 1 FROM stage WHERE stage.execution_id = :execution_id AND state IN ('ready', 'running'))

-- name: wake_stage
UPDATE stage SET state = 'ready', wake_at = NULL
WHERE execution_id = :execution_id AND name = :stage AND state = 'backoff' AND boot_id = :boot_id

-- name: fail_stage
UPDATE stage SET state = 'failed', error = :error, finished_at = :now, wake_at = NULL
WHERE execution_id = :execution_id AND name = :stage AND state IN ('ready', 'running') AND boot_id = :boot_id

-- name: close_stages
UPDATE stage SET finished_at = :now, wake_at = NULL,
  state = iif(:state = 'skipped' AND state NOT IN ('pending', 'ready'), 'failed', :state)
WHERE execution_id = :execution_id AND state IN ('pending', 'ready', 'running', 'backoff', 'waiting_quota')
RETURNING name, state

-- name: end_execution
UPDATE execution SET state = :state, error = :error, finished_at = :now
WHERE execution_id = :execution_id AND boot_id = :boot_id
  AND state IN ('queued', 'running', 'waiting', 'cancelling')
  AND (:state = 'cancelled') = (state = 'cancelling')

-- name: cancel_execution
UPDATE execution SET state = 'cancelling'
WHERE execution_id = :execution_id AND state IN ('queued', 'running', 'waiting') AND boot_id = :boot_id

-- name: supersede_packets
UPDATE packet SET state = 'superseded', error = :error,
  ack = iif(processing_at IS NOT NULL, 'due', ack), ack_success = iif(processing_at IS NOT NULL, 0, ack_success),
  ack_error = :error
WHERE execution_id = :execution_id
  AND state IN ('created', 'offered', 'accepted', 'waiting_quota', 'processing', 'lost', 'timed_out')
  AND packet_id IN (SELECT stage.packet_id FROM stage WHERE stage.execution_id = :execution_id
    AND stage.state IN ('ready', 'running', 'backoff', 'waiting_quota'))
RETURNING packet_id, ack

-- name: acked
UPDATE packet SET ack = 'acked', acked_at = :now, ack_attempts = :ack_attempts,
  state = iif(state = 'returned', 'acked', state),
  message_bytes = message_bytes + :message_bytes, inline_bytes = inline_bytes + :message_bytes
WHERE packet_id = :packet_id AND ack = 'due' AND boot_id = :boot_id

-- name: ack_abandoned
UPDATE packet SET ack = 'abandoned', ack_attempts = :ack_attempts,
  message_bytes = message_bytes + :message_bytes, inline_bytes = inline_bytes + :message_bytes
WHERE packet_id = :packet_id AND ack = 'due' AND boot_id = :boot_id

-- name: ack_order
SELECT packet_id, execution_id, stage, worker, ack_success, ack_error FROM packet WHERE packet_id = :packet_id AND ack = 'due'

-- name: drop_checkpoints
DELETE FROM checkpoint WHERE execution_id = :execution_id AND stage = :stage AND EXISTS (
  SELECT 1 FROM stage WHERE stage.execution_id = :execution_id AND stage.name = :stage AND stage.state = 'succeeded')

-- name: interrupt_execution
UPDATE execution SET state = iif(state = 'cancelling', 'cancelled', 'failed'), error = :error, finished_at = :now
WHERE execution_id = :execution_id AND state IN ('queued', 'running', 'waiting', 'cancelling')
RETURNING state

-- name: interrupt_stages
UPDATE stage SET finished_at = :now, wake_at = NULL,
  error = iif(state IN ('pending', 'ready'), error, :error),
  state = iif(state IN ('pending', 'ready'), 'skipped', 'failed')
WHERE execution_id = :execution_id AND state IN ('pending', 'ready', 'running', 'backoff', 'waiting_quota')

-- name: interrupt_packets
UPDATE packet SET state = 'lost', error = :error
WHERE execution_id = :execution_id AND state IN ('created', 'offered', 'accepted', 'waiting_quota', 'processing')

-- name: next_event
SELECT coalesce(max(seq), 0) + 1 FROM event WHERE execution_id = :execution_id

-- name: insert_event
INSERT INTO event (execution_id, seq, at, kind, data) VALUES (:execution_id, :seq, :now, :kind, :data)

-- name: events_after
SELECT seq, at, kind, data FROM event WHERE execution_id = :execution_id AND seq > :seq ORDER BY seq

-- name: keep_content
INSERT INTO content (sha256, size_bytes, body) VALUES (:sha256, :size_bytes, :body) ON CONFLICT (sha256) DO NOTHING

-- name: content_body
SELECT body FROM content WHERE sha256 = :sha256

-- name: reference_taken
SELECT 1 FROM reference WHERE ref_id = :ref_id

-- name: insert_reference
INSERT INTO reference (ref_id, producer, own_id, origin, sha256, size_bytes, is_json, execution_id, stage, created_at, expires_at)
VALUES (:ref_id, :producer, :own_id, :origin, :sha256, :size_bytes, :is_json, :execution_id, :stage, :now, :expires_at)

-- name: replant_reference
INSERT INTO reference (ref_id, producer, own_id, origin, sha256, size_bytes, is_json, created_at, expires_at)
VALUES (:ref_id, '', :ref_id, 'planted', :sha256, :size_bytes, :is_json, :now, :expires_at)
ON CONFLICT (ref_id) DO UPDATE SET sha256 = excluded.sha256, size_bytes = excluded.size_bytes,
  is_json = excluded.is_json, created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE reference.origin = 'planted'

-- name: reference
SELECT ref_id, sha256, size_bytes, is_json, expires_at FROM reference WHERE ref_id = :ref_id

-- name: reference_as_input
SELECT r.ref_id, r.sha256, r.size_bytes, r.is_json, r.expires_at, p.packet_id
FROM packet AS p JOIN reference AS r ON r.ref_id = p.input_ref
JOIN stage AS s ON s.execution_id = p.execution_id AND s.name = p.stage AND s.packet_id = p.packet_id
WHERE p.input_ref = :ref_id AND replace(lower(p.worker), '-', '_') = :worker
  AND s.state IN ('ready', 'running', 'backoff', 'waiting_quota')
  AND p.state IN ('created', 'offered', 'accepted', 'waiting_quota', 'processing', 'lost', 'timed_out')
ORDER BY p.created_at DESC LIMIT 1

-- name: reference_of_producer
SELECT ref_id, sha256, size_bytes, is_json, expires_at FROM reference
WHERE producer = :worker AND (ref_id = :ref_id OR own_id = :ref_id) ORDER BY created_at DESC LIMIT 1

-- name: reference_uploaded
SELECT ref_id, sha256, size_bytes, is_json, expires_at FROM reference
WHERE producer = :worker AND own_id = :ref_id AND origin = 'uploaded' ORDER BY created_at DESC LIMIT 1

-- name: reference_planted
SELECT ref_id, sha256, size_bytes, is_json, expires_at FROM reference WHERE ref_id = :ref_id AND origin = 'planted'

-- name: references_page
SELECT json_object('ref_id', ref_id, 'producer', producer, 'origin', origin, 'size_bytes', size_bytes, 'sha256', sha256,
  'json', json(iif(is_json, 'true', 'false')), 'execution_id', execution_id, 'stage', stage, 'created_at', created_at,
  'expires_at', expires_at)
FROM reference ORDER BY created_at DESC, ref_id LIMIT :limit

-- name: reference_shown
SELECT json_object('ref_id', ref_id, 'producer', producer, 'own_id', own_id, 'origin', origin, 'size_bytes', size_bytes,
  'sha256', sha256, 'json', json(iif(is_json, 'true', 'false')), 'execution_id', execution_id, 'stage', stage,
  'created_at', created_at, 'expires_at', expires_at)
FROM reference WHERE ref_id = :ref_id

-- name: count_fetch
UPDATE packet SET data_bytes = data_bytes + :size WHERE packet_id = :packet_id

-- name: packet_scope
SELECT p.execution_id, p.stage, s.input_hash, p.code_hash, p.worker,
  s.packet_id = p.packet_id AND s.state IN ('ready', 'running', 'backoff', 'waiting_quota')
    AND p.state IN ('created', 'offered', 'accepted', 'waiting_quota', 'processing', 'lost', 'timed_out')
FROM packet AS p JOIN stage AS s ON s.execution_id = p.execution_id AND s.name = p.stage WHERE p.packet_id = :packet_id

-- name: checkpoint
SELECT seq, data, packet_id FROM checkpoint WHERE scope = :scope

-- name: put_checkpoint
INSERT INTO checkpoint (scope, execution_id, stage, worker, packet_id, seq, data, updated_at)
VALUES (:scope, :execution_id, :stage, :worker, :packet_id, :seq, :data, :now)
ON CONFLICT (scope) DO UPDATE SET seq = excluded.seq, data = excluded.data, packet_id = excluded.packet_id,
  worker = excluded.worker, updated_at = excluded.updated_at
WHERE excluded.seq > checkpoint.seq

-- name: delete_checkpoint
DELETE FROM checkpoint WHERE scope = :scope

-- name: usual_times
SELECT s.name, avg(s.finished_at - s.started_at) FROM stage AS s
JOIN (SELECT execution_id FROM execution WHERE kind = :kind AND name = :name AND state = 'completed' AND imported_at IS NULL
  ORDER BY number DESC LIMIT 10) AS recent ON recent.execution_id = s.execution_id
WHERE s.state = 'succeeded' AND s.finished_at > s.started_at GROUP BY s.name

-- name: stage_states
SELECT name, state, output_ref FROM stage WHERE execution_id = :execution_id ORDER BY position

-- name: run_input
SELECT input_ref FROM execution WHERE execution_id = :execution_id

-- name: execution_shown
SELECT json_object('execution_id', execution_id, 'number', number, 'kind', kind, 'name', name, 'state', state,
  'client_id', nullif(client_id, ''), 'request_id', request_id, 'parameters', json(parameters), 'input_ref', input_ref,
  'error', json(error), 'created_at', created_at, 'started_at', started_at, 'finished_at', finished_at,
  'imported_at', imported_at)
FROM execution WHERE execution_id = :execution_id

-- name: executions_page
SELECT json_object('execution_id', execution_id, 'number', number, 'kind', kind, 'name', name, 'state', state,
  'error', json(error), 'created_at', created_at, 'started_at', started_at, 'finished_at', finished_at,
  'imported_at', imported_at)
FROM execution WHERE number < :before AND (:status IS NULL OR state = :status) ORDER BY number DESC LIMIT :limit

-- name: stages_shown
SELECT json_object('name', s.name, 'worker', s.worker, 'needs', json(s.needs), 'state', s.state, 'attempts', s.attempts,
  'progress', s.progress, 'error', json(s.error), 'packet_id', s.packet_id,
  'ready_at', s.ready_at, 'started_at', s.started_at, 'finished_at', s.finished_at, 'wake_at', s.wake_at,
  'input_ref', json(iif(i.ref_id IS NULL, NULL, json_object('ref_id', i.ref_id, 'size_bytes', i.size_bytes))),
  'output_ref', json(iif(o.ref_id IS NULL, NULL, json_object('ref_id', o.ref_id, 'size_bytes', o.size_bytes,
    'sha256', o.sha256, 'json', json(iif(o.is_json, 'true', 'false')), 'expires_at', o.expires_at))))
FROM stage AS s LEFT JOIN reference AS i ON i.ref_id = s.input_ref LEFT JOIN reference AS o ON o.ref_id = s.output_ref
WHERE s.execution_id = :execution_id ORDER BY s.position

-- name: packets_shown
SELECT stage, json_object('packet_id', packet_id, 'state', state, 'attempt', attempt, 'delivery', delivery,
  'created_at', created_at, 'offered_at', offered_at, 'accepted_at', accepted_at, 'processing_at', processing_at,
  'returned_at', returned_at, 'ack', ack, 'acked_at', acked_at, 'ack_attempts', ack_attempts, 'error', json(error),
  'capabilities', json(capabilities), 'resource_requirements', json(resource_requirements), 'metrics', json(metrics),
  'bytes', json_object('messages', message_bytes, 'data', data_bytes, 'inline', inline_bytes))
FROM packet WHERE execution_id = :execution_id ORDER BY created_at, attempt

-- name: usage_shown
SELECT p.stage, u.metric, sum(u.amount) FROM usage AS u JOIN packet AS p ON p.packet_id = u.packet_id
WHERE p.execution_id = :execution_id GROUP BY p.stage, u.metric

-- name: prunable
SELECT execution_id FROM execution WHERE state IN ('completed', 'failed', 'cancelled')
  AND (coalesce(imported_at, finished_at) < :before OR number <= (SELECT max(number) FROM execution) - :keep)

-- name: prune_execution
DELETE FROM execution WHERE execution_id = :execution_id

-- name: prune_execution_references
DELETE FROM reference WHERE execution_id = :execution_id

-- name: prune_execution_checkpoints
DELETE FROM checkpoint WHERE execution_id = :execution_id

-- name: prune_loose_references
DELETE FROM reference WHERE execution_id IS NULL AND expires_at < :before
  AND NOT EXISTS (SELECT 1 FROM packet WHERE packet.output_ref = reference.ref_id)

-- name: prune_loose_checkpoints
DELETE FROM checkpoint WHERE execution_id IS NULL AND updated_at < :before

-- name: prune_content
DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM reference WHERE reference.sha256 = content.sha256)
  AND NOT EXISTS (SELECT 1 FROM recorded_body WHERE recorded_body.sha256 = content.sha256)

-- name: recorded_bytes
SELECT coalesce(sum(size_bytes), 0) FROM content WHERE sha256 IN (
  SELECT b.sha256 FROM packet AS p JOIN recorded_body AS b ON b.packet_id = p.packet_id
  WHERE p.execution_id = :execution_id)

-- name: keep_recording
INSERT INTO recording (packet_id, delivery, code_hash, python, checkpoint, data)
VALUES (:packet_id, :delivery, :code_hash, :python, :checkpoint, :data)

-- name: keep_recorded_body
INSERT INTO recorded_body (packet_id, delivery, sha256) VALUES (:packet_id, :delivery, :sha256)

-- name: recording
SELECT delivery, code_hash, python, checkpoint, data FROM recording WHERE packet_id = :packet_id
ORDER BY delivery DESC LIMIT 1

-- name: recorded_stages
SELECT json_object('name', s.name, 'worker', s.worker, 'needs', json(s.needs), 'spec', json(s.spec), 'state', s.state,
  'error', json(s.error), 'packet_id', s.packet_id, 'attempt', p.attempt, 'input_ref', p.input_ref,
  'output_ref', s.output_ref, 'output_sha256', o.sha256)
FROM stage AS s LEFT JOIN packet AS p ON p.packet_id = s.packet_id LEFT JOIN reference AS o ON o.ref_id = s.output_ref
WHERE s.execution_id = :execution_id ORDER BY s.position

-- name: export_execution
SELECT json_object('execution_id', execution_id, 'kind', kind, 'name', name, 'state', state,
  'parameters', json(parameters), 'input_ref', input_ref, 'error', json(error),
  'created_at', created_at, 'started_at', started_at, 'finished_at', finished_at)
FROM execution WHERE execution_id = :execution_id

-- name: export_stages
SELECT json_object('name', name, 'worker', worker, 'needs', json(needs), 'spec', json(spec), 'state', state,
  'attempts', attempts, 'packet_id', packet_id, 'input_ref', input_ref, 'input_hash', input_hash,
  'output_ref', output_ref, 'error', json(error), 'progress', progress,
  'ready_at', ready_at, 'started_at', started_at, 'finished_at', finished_at)
FROM stage WHERE execution_id = :execution_id ORDER BY position

-- name: export_packets
SELECT json_object('packet_id', packet_id, 'stage', stage, 'worker', worker, 'attempt', attempt, 'delivery', delivery,
  'state', state, 'code_hash', code_hash, 'input_ref', input_ref, 'output_ref', output_ref,
  'capabilities', json(capabilities), 'resource_requirements', json(resource_requirements), 'metrics', json(metrics),
  'error', json(error), 'ack', ack, 'ack_attempts', ack_attempts, 'created_at', created_at, 'offered_at', offered_at,
  'accepted_at', accepted_at, 'processing_at', processing_at, 'returned_at', returned_at, 'acked_at', acked_at,
  'message_bytes', message_bytes, 'data_bytes', data_bytes, 'inline_bytes', inline_bytes)
FROM packet WHERE execution_id = :execution_id ORDER BY created_at, packet_id

-- name: export_references
SELECT json_object('ref_id', ref_id, 'producer', producer, 'own_id', own_id, 'origin', origin, 'sha256', sha256,
  'size_bytes', size_bytes, 'is_json', json(iif(is_json, 'true', 'false')), 'stage', stage, 'created_at', created_at,
  'expires_at', expires_at)
FROM reference WHERE ref_id IN (
  SELECT ref_id FROM reference WHERE execution_id = :execution_id
  UNION SELECT input_ref FROM packet WHERE execution_id = :execution_id
  UNION SELECT output_ref FROM packet WHERE execution_id = :execution_id)
ORDER BY created_at, ref_id

-- name: export_recordings
SELECT json_object('packet_id', r.packet_id, 'delivery', r.delivery, 'code_hash', r.code_hash, 'python', r.python,
  'checkpoint', json(r.checkpoint), 'data', json(r.data))
FROM packet AS p JOIN recording AS r ON r.packet_id = p.packet_id WHERE p.execution_id = :execution_id
ORDER BY p.created_at, r.packet_id, r.delivery

-- name: export_usage
SELECT json_object('packet_id', u.packet_id, 'metric', u.metric, 'amount', u.amount)
FROM packet AS p JOIN usage AS u ON u.packet_id = p.packet_id WHERE p.execution_id = :execution_id
ORDER BY u.packet_id, u.metric

-- name: export_events
SELECT json_object('seq', seq, 'at', at, 'kind', kind, 'data', json(data)) FROM event
WHERE execution_id = :execution_id ORDER BY seq

-- name: known_ids
SELECT 'execution ' || execution_id FROM execution WHERE execution_id = :execution_id
UNION ALL SELECT 'packet ' || packet_id FROM packet WHERE packet_id IN (SELECT value FROM json_each(:packet_ids))
LIMIT 1

-- name: import_execution
INSERT INTO execution (execution_id, kind, name, state, boot_id, parameters, input_ref, error, created_at, started_at,
  finished_at, imported_at)
VALUES (:execution_id, :kind, :name, :state, :boot_id, :parameters, :input_ref, :error, :created_at, :started_at,
  :finished_at, :now)

-- name: import_stage
INSERT INTO stage (execution_id, name, position, worker, needs, spec, state, boot_id, attempts, packet_id, input_ref,
  input_hash, output_ref, error, progress, ready_at, started_at, finished_at)
VALUES (:execution_id, :name, :position, :worker, :needs, :spec, :state, :boot_id, :attempts, :packet_id, :input_ref,
  :input_hash, :output_ref, :error, :progress, :ready_at, :started_at, :finished_at)

-- name: import_packet
INSERT INTO packet (packet_id, execution_id, stage, worker, attempt, delivery, state, boot_id, code_hash, input_ref,
  output_ref, capabilities, resource_requirements, metrics, error, ack, ack_attempts, created_at, offered_at, accepted_at,
  processing_at, returned_at, acked_at, message_bytes, data_bytes, inline_bytes)
VALUES (:packet_id, :execution_id, :stage, :worker, :attempt, :delivery, :state, :boot_id, :code_hash, :input_ref,
  :output_ref, :capabilities, :resource_requirements, :metrics, :error, :ack, :ack_attempts, :created_at, :offered_at,
  :accepted_at, :processing_at, :returned_at, :acked_at, :message_bytes, :data_bytes, :inline_bytes)

-- name: import_reference
INSERT INTO reference (ref_id, producer, own_id, origin, sha256, size_bytes, is_json, execution_id, stage, created_at,
  expires_at)
VALUES (:ref_id, :producer, :own_id, :origin, :sha256, :size_bytes, :is_json, :execution_id, :stage, :created_at,
  :expires_at)

-- name: import_event
INSERT INTO event (execution_id, seq, at, kind, data) VALUES (:execution_id, :seq, :at, :kind, :data)
