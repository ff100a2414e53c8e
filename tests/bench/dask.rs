//! The peer: Dask distributed from PyPI, two worker processes on this machine, empty tasks.

use crate::python::output;
use std::path::PathBuf;
use std::process::Command;

/// What runs: one client, two worker processes of one thread, empty tasks after a warm-up.
const SCRIPT: &str = r"
import time
from distributed import Client, LocalCluster
def nothing(i):
    return None
if __name__ == '__main__':
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather(client.map(nothing, range(200), pure=False))
        rates = []
        for _ in range(3):
            start = time.perf_counter()
            client.gather(client.map(nothing, range(2000), pure=False))
            rates.append(2000 / (time.perf_counter() - start))
        print(sorted(rates)[1])
";

fn environment() -> Result<PathBuf, String> {
    let home = std::env::var_os("HOME").ok_or("HOME is not set")?;
    let folder = PathBuf::from(home).join(".cache/p2pjob/dask");
    let python = folder.join("bin/python");
    if folder.join("ready").is_file() {
        return Ok(python);
    }
    output(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    output(Command::new(&python).args(["-m", "pip", "install", "--quiet", "distributed"]))?;
    std::fs::write(folder.join("ready"), b"").map_err(|error| error.to_string())?;
    Ok(python)
}

/// Empty tasks per second; the middle one of three runs. Installs Dask from PyPI at the first time.
pub fn tasks_per_second() -> Result<f64, String> {
    let python = environment()?;
    let script = tempfile::NamedTempFile::with_suffix(".py").map_err(|error| error.to_string())?;
    std::fs::write(script.path(), SCRIPT).map_err(|error| error.to_string())?;
    let printed = output(Command::new(python).arg(script.path()))?;
    printed.trim().parse().map_err(|_| format!("Dask printed {printed:?}"))
}
