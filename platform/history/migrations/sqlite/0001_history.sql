-- Everything carries the key of its node, so that the schema is the same where several nodes share a database.
CREATE TABLE p2pjob_nodes (
    node_key INTEGER PRIMARY KEY,
    node TEXT NOT NULL UNIQUE,
    recorded_seq BIGINT NOT NULL
);

CREATE TABLE p2pjob_tasks (
    task_key INTEGER PRIMARY KEY,
    node_key BIGINT NOT NULL REFERENCES p2pjob_nodes (node_key),
    task TEXT NOT NULL,
    owner TEXT NOT NULL,
    job TEXT NOT NULL,
    job_name TEXT NOT NULL,
    priority TEXT NOT NULL,
    verify TEXT NOT NULL,
    params TEXT NOT NULL,
    params_bytes BIGINT NOT NULL,
    inputs BIGINT NOT NULL,
    input_bytes BIGINT NOT NULL,
    max_price BIGINT,
    status TEXT NOT NULL,
    submitted_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    chunks BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    recalled BIGINT NOT NULL,
    replicas BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    price BIGINT NOT NULL,
    fuel BIGINT NOT NULL,
    confidence_sum DOUBLE PRECISION NOT NULL,
    recalled_confidence DOUBLE PRECISION NOT NULL,
    result_hash TEXT,
    result_bytes BIGINT,
    detail TEXT NOT NULL,
    UNIQUE (node_key, task)
);
CREATE INDEX p2pjob_tasks_by_time ON p2pjob_tasks (submitted_at, task_key);
CREATE INDEX p2pjob_tasks_by_end ON p2pjob_tasks (node_key, ended_at);

-- No foreign key: a hundred thousand rows a second would each be checked; prune deletes chunks before their task.
CREATE TABLE p2pjob_chunks (
    task_key BIGINT NOT NULL,
    chunk BIGINT NOT NULL,
    status TEXT NOT NULL,
    winner BIGINT,
    replicas BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    outcomes TEXT NOT NULL,
    verdicts TEXT NOT NULL,
    workers TEXT NOT NULL,
    error TEXT,
    wall_us BIGINT NOT NULL,
    fuel BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (task_key, chunk)
) WITHOUT ROWID;

CREATE TABLE p2pjob_load (
    node_key BIGINT NOT NULL REFERENCES p2pjob_nodes (node_key),
    at BIGINT NOT NULL,
    cpu_percent DOUBLE PRECISION NOT NULL,
    host_cpu_percent DOUBLE PRECISION NOT NULL,
    memory_bytes BIGINT NOT NULL,
    memory_available_bytes BIGINT NOT NULL,
    disk_free_bytes BIGINT NOT NULL,
    store_bytes BIGINT NOT NULL,
    net_received_bytes BIGINT NOT NULL,
    net_sent_bytes BIGINT NOT NULL,
    running BIGINT NOT NULL,
    queued BIGINT NOT NULL,
    peers BIGINT NOT NULL,
    active_tasks BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    PRIMARY KEY (node_key, at)
) WITHOUT ROWID;

CREATE TABLE p2pjob_prices (
    node_key BIGINT NOT NULL REFERENCES p2pjob_nodes (node_key),
    at BIGINT NOT NULL,
    factor DOUBLE PRECISION NOT NULL,
    cpu DOUBLE PRECISION NOT NULL,
    gpu DOUBLE PRECISION NOT NULL,
    ram DOUBLE PRECISION NOT NULL,
    disk DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (node_key, at)
) WITHOUT ROWID;
