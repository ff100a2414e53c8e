//! A PostgreSQL server of a test: its own cluster in a temporary folder, on loopback, killed when it is dropped.
//!
//! The binaries are Debian's (`/usr/lib/postgresql/*/bin`), else of the PATH. The server refuses to run as root, so a
//! root's test runs it as `postgres` or `nobody`. The kernel ends it when the test's thread ends, however that happens.

use crate::folder::Folder;
use crate::node::die_with_this_thread;
use crate::{PATIENCE, signal, wait_until};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where Debian puts versions.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The superuser of the cluster.
const USER: &str = "p2pjob";
/// Its password, with what must be escaped in a URL.
const PASSWORD: &str = "s3cret/wörd@x";
/// As it stands in a URL.
const PASSWORD_IN_URL: &str = "s3cret%2Fw%C3%B6rd%40x";
/// Tries to get a port before somebody else.
const PORT_TRIES: usize = 5;

/// A server.
pub struct Postgres {
    // In the order of their end: first the process, then the files.
    server: Server,
    folder: Folder,
    bin: PathBuf,
    port: u16,
    account: Option<(u32, u32)>,
}

/// Killed when dropped.
struct Server(Option<Child>);

impl Server {
    /// Ends it at once and without a clean shutdown: the next start recovers from its log.
    fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            // "Immediate shutdown": the postmaster takes its children along, which SIGKILL would not.
            signal::quit(child.id());
            let _ = child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The folder of the server's programs: the newest of Debian's, else the first of the PATH.
fn find_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort();
    let newest_first = found.into_iter().rev().map(|(_, bin)| bin);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = newest_first.chain(std::env::split_paths(&path));
    all.into_iter().find(|bin| {
        ["initdb", "postgres", "psql"]
            .iter()
            .all(|name| bin.join(name).is_file())
    })
}

/// User and group to run as: none unless we are root.
fn account() -> Option<(u32, u32)> {
    // SAFETY: geteuid(2) takes nothing, touches no memory and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").expect("the list of accounts");
    let find = |name: &str| {
        let fields: Vec<&str> = accounts
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then(|| fields.collect()))?;
        Some((fields.get(1)?.parse().ok()?, fields.get(2)?.parse().ok()?))
    };
    Some(
        find("postgres")
            .or_else(|| find("nobody"))
            .expect("an account that is not root"),
    )
}

impl Postgres {
    /// Starts a server. None where PostgreSQL is not installed, after saying so; with `P2PJOB_REQUIRE_ALL=1` that fails.
    pub fn start() -> Option<Self> {
        let Some(bin) = find_programs() else {
            let required = std::env::var_os("P2PJOB_REQUIRE_ALL").is_some_and(|all| all == "1");
            assert!(
                !required,
                "PostgreSQL is not installed (apt install postgresql), and P2PJOB_REQUIRE_ALL=1"
            );
            println!("SKIPPED: PostgreSQL is not installed (apt install postgresql)");
            return None;
        };
        let (folder, account) = (Folder::new(), account());
        let password = folder.file("password", PASSWORD.as_bytes());
        if let Some((user, group)) = account {
            for path in [folder.path(), &password] {
                std::os::unix::fs::chown(path, Some(user), Some(group)).expect("root gives a folder away");
            }
        }
        let mut postgres = Self {
            server: Server(None),
            folder,
            bin,
            port: 0,
            account,
        };
        let mut init = postgres.command("initdb");
        init.arg("-D").arg(postgres.data()).arg("--pwfile").arg(&password);
        init.args(["-U", USER, "--auth-host=scram-sha-256", "--auth-local=trust"]);
        init.args(["--no-sync", "--encoding=UTF8", "--locale=C"]);
        let made = init.stdin(Stdio::null()).output().expect("initdb runs");
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        for attempt in 1.. {
            postgres.port = free_port();
            if postgres.try_start() {
                break;
            }
            assert!(
                attempt < PORT_TRIES,
                "PostgreSQL does not start; its log is printed below"
            );
        }
        Some(postgres)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// One of its programs, run by its account.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    /// Starts the server on its port. False when it ended at once.
    fn try_start(&mut self) -> bool {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        command.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        // The disk's power is not cut here; what the server wrote is there when it starts again.
        command.args([
            "-c",
            "fsync=off",
            "-c",
            "full_page_writes=off",
            "-c",
            "max_connections=50",
        ]);
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("postgres.log"))
            .expect("a log");
        let output = log.try_clone().expect("a second handle");
        command.stdin(Stdio::null()).stdout(output).stderr(log);
        die_with_this_thread(&mut command);
        let mut child = command.spawn().expect("postgres runs");
        let running = wait_until("PostgreSQL answers", PATIENCE, || {
            if child.try_wait().expect("our own child").is_some() {
                return Ok(false);
            }
            match self.psql_raw("postgres", "SELECT 1") {
                Ok(_) => Ok(true),
                Err(said) => Err(said),
            }
        });
        self.server = Server(Some(child));
        running
    }

    fn psql_raw(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.command("psql");
        psql.arg("-h").arg(self.folder.path());
        psql.args([
            "-p",
            &self.port.to_string(),
            "-U",
            USER,
            "-d",
            database,
            "-X",
            "-A",
            "-t",
            "-q",
        ]);
        psql.args(["-v", "ON_ERROR_STOP=1", "-c", sql]);
        let output = psql.stdin(Stdio::null()).output().expect("psql runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }

    /// Runs SQL as the superuser.
    #[track_caller]
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.psql_raw(database, sql)
            .unwrap_or_else(|said| panic!("{sql}: {said}"))
    }

    /// A new database; its URL.
    pub fn create_database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(USER, PASSWORD_IN_URL, name)
    }

    /// A URL of this server.
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The superuser's name.
    pub fn user(&self) -> &str {
        USER
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again, with its data, on its port.
    pub fn restart(&mut self) {
        assert!(
            self.try_start(),
            "PostgreSQL does not start again; its log is printed below"
        );
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Both forms of the password, which no text may show.
pub const POSTGRES_SECRETS: [&str; 2] = [PASSWORD, PASSWORD_IN_URL];

/// A port of loopback that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of loopback");
    listener.local_addr().expect("its address").port()
}
