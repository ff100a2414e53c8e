//! Every key of the configuration, with what it means. `docs/configuration.md` and `config show` are made from it; a
//! test compares it with the fields of `NodeConfig`.

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted path.
    pub path: &'static str,
    /// How its value is read from a variable or `--set`.
    pub kind: Kind,
    /// What it means, with its unit.
    pub meaning: &'static str,
}

/// How a value is read from text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// As it is.
    Text,
    /// As a TOML value: a number, true or false, a list.
    Toml,
}

const fn text(path: &'static str, meaning: &'static str) -> Key {
    Key {
        path,
        kind: Kind::Text,
        meaning,
    }
}

const fn value(path: &'static str, meaning: &'static str) -> Key {
    Key {
        path,
        kind: Kind::Toml,
        meaning,
    }
}

/// Every key, in the order of the sections.
pub const KEYS: &[Key] = &[
    text(
        "data_dir",
        "folder of key, journal, ledger, blobs and control socket; one process at a time",
    ),
    text(
        "jobs_dir",
        "folder of components known by name on this node; default: `jobs` beside the program",
    ),
    text(
        "cache_dir",
        "folder of compiled jobs, shared by nodes of one user if you like; default: `compiled` in the data directory",
    ),
    text("network.listen", "UDP address to listen on; port 0 is any free port"),
    value(
        "network.bootstrap",
        "peers to dial at start: a list of { node = \"KEY\", address = \"IP:PORT\" }",
    ),
    value(
        "network.allow",
        "if given, only these nodes may connect: a list of keys",
    ),
    value("network.deny", "nodes that may not connect: a list of keys"),
    text(
        "network.name",
        "nodes of different networks do not see each other's gossip",
    ),
    value(
        "network.idle_timeout_ms",
        "a silent peer counts as gone after this, in milliseconds",
    ),
    value("network.max_peers", "most connected peers"),
    value("worker.enabled", "whether this node takes replicas"),
    value("worker.slots", "sandboxes at the same time; 0 is one per core"),
    value("worker.memory_bytes", "the largest memory of one sandbox, in bytes"),
    value("worker.queue", "most replicas that may wait here, over all requesters"),
    value(
        "worker.run_own_tasks",
        "whether this node runs chunks of its own tasks too",
    ),
    text(
        "compute.gpu",
        "what float class `fast` runs on: `auto` (the best GPU, else the processor), `off` (the processor), or the beginning of a GPU's name; software that acts as a GPU only when named",
    ),
    value("store.quota_bytes", "most bytes of blobs; default: no cap"),
    value("store.min_free_bytes", "disk that stays free, in bytes"),
    value(
        "store.gc_interval_ms",
        "how often unpinned blobs are dropped, in milliseconds",
    ),
    value(
        "store.keep_task_ms",
        "how long a finished task's blobs stay pinned, in milliseconds",
    ),
    value("prices.base_cpu_price", "credits per 10^9 fuel"),
    value("prices.base_gpu_price", "credits per 10^9 declared GPU operations"),
    value(
        "prices.base_ram_price",
        "credits per GiB of sandbox memory and 10^9 fuel",
    ),
    value("prices.base_disk_price", "credits per GiB read or written"),
    value(
        "prices.adjustment_rate",
        "step of the market factor per unit of load beside the target",
    ),
    value(
        "prices.price_smoothing",
        "weight of a new market factor against the old one",
    ),
    value(
        "credits.initial",
        "what a peer may owe before it has earned anything, in credits",
    ),
    value("credits.max_balance", "most a balance may reach, in credits"),
    value(
        "credits.newcomer_budget",
        "what all peers together that are not on the allow-list may newly owe per day, in credits",
    ),
    value(
        "scheduler.hedge_factor",
        "a replica older than this many times the median is hedged",
    ),
    value(
        "scheduler.hedge_min_ms",
        "no replica is hedged before this age, in milliseconds",
    ),
    value(
        "scheduler.max_attempts",
        "executions of one chunk before the task gives up",
    ),
    value("http.enabled", "whether the node serves the HTTP API and the console"),
    text(
        "http.listen",
        "TCP address of HTTP; default: 127.0.0.1:4780, or any free port of 127.0.0.1 while that one is taken",
    ),
    text(
        "http.tls",
        "`off`, `self_signed` (made at the first start, kept in the data directory) or `files`",
    ),
    text("http.tls_cert", "certificate chain, PEM, for `files`"),
    text("http.tls_key", "private key, PEM, for `files`"),
    text(
        "http.anonymous_role",
        "what a caller from this machine may do without a token: `viewer`, `submitter`, `operator`, `admin`, or `none`; others always need a token",
    ),
    value(
        "http.allowed_hosts",
        "names, besides IP addresses and `localhost`, under which the node is reached: a list",
    ),
    value(
        "http.allowed_origins",
        "origins of foreign web pages that may call the API (CORS): a list",
    ),
    value("http.max_body_bytes", "largest body of a JSON request, in bytes"),
    value("http.max_upload_bytes", "largest blob that may be uploaded, in bytes"),
    value("http.max_connections", "connections at the same time; more wait"),
    value(
        "http.rate_per_second",
        "requests per second of one caller (token, else IP address), over time",
    ),
    value(
        "http.rate_burst",
        "requests of one caller at once, before the rate counts",
    ),
    value(
        "http.read_timeout_ms",
        "how long a request's head, and each pause in its body, may take, in milliseconds",
    ),
    value(
        "http.session_ms",
        "how long a login of the console lasts, in milliseconds",
    ),
    value("history.enabled", "whether history is kept beyond the journal"),
    text(
        "history.url",
        "`postgres://user:password@host/database` or `sqlite:/path`; default: `history.db` in the data directory",
    ),
    value("history.keep_tasks_days", "how long ended tasks are kept, in days"),
    value(
        "history.keep_chunks_days",
        "how long chunks of ended tasks are kept, in days",
    ),
    value(
        "history.keep_samples_days",
        "how long samples of load and prices are kept, in days",
    ),
    value(
        "history.sample_interval_ms",
        "time between two samples of load and prices, in milliseconds",
    ),
    value(
        "webhooks.allow_private",
        "whether receivers may have loopback, private and link-local addresses, and plain `http`",
    ),
    value(
        "webhooks.max_attempts",
        "deliveries of one event before it becomes a dead letter",
    ),
    value(
        "webhooks.first_pause_ms",
        "pause after the first failure, in milliseconds; doubles after each further one",
    ),
    value(
        "webhooks.max_pause_ms",
        "longest pause between two attempts, in milliseconds",
    ),
    value(
        "webhooks.timeout_ms",
        "how long a receiver may take to answer, in milliseconds",
    ),
    value(
        "webhooks.max_dead_letters",
        "dead letters that are kept; the oldest go first",
    ),
    text(
        "telemetry.otlp_endpoint",
        "OTLP/HTTP endpoint for trace spans, such as `http://127.0.0.1:4318`; default: none are exported",
    ),
    value(
        "telemetry.otlp_headers",
        "headers of every export, such as an API key: a list of `Name: value`",
    ),
    value(
        "telemetry.sample_ratio",
        "share of tasks that are traced, 0 to 1; all nodes choose the same tasks",
    ),
    text("telemetry.service_name", "`service.name` of the spans"),
    text("logs.dir", "folder of JSON log files; default: none are written"),
    text(
        "logs.rotation",
        "when a new log file begins: `hourly`, `daily` or `never`",
    ),
    value("logs.keep_files", "log files that are kept; 0: all"),
];

/// The key of a path.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether keys lie below this path.
pub fn is_section(path: &str) -> bool {
    KEYS.iter()
        .any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// The key that a wrong path was probably meant to be: at most three letters away (Levenshtein 1966).
pub fn nearest(path: &str) -> Option<&'static str> {
    const MAX_DISTANCE: usize = 3;
    let near = KEYS.iter().map(|key| (distance(path, key.path), key.path)).min()?;
    (near.0 <= MAX_DISTANCE).then_some(near.1)
}

fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (slot, b) in row.iter_mut().skip(1).zip(&right) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *slot;
            before = replaced.min(before + 1).min(*slot + 1);
            *slot = before;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// A value from a variable or `--set`. Text that is no TOML value stays text, and is refused by its type later.
pub fn read_value(kind: Kind, text: &str) -> toml::Value {
    let as_text = || toml::Value::String(text.to_owned());
    if kind == Kind::Text {
        return as_text();
    }
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}"));
    parsed
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(as_text)
}
