//! Building the web console: `npm ci` when its lock file changed, the build, and packing what the program embeds.
//!
//! Needs Node.js, which nothing else here does: without it `build` and `test` go on with a page that says so, and
//! `console` and anything under P2PJOB_REQUIRE_ALL=1 fail. An interrupted build has no stamp and is done again.

use crate::build::{modified, newest};
use crate::folders::Folders;
use crate::process::{Failure, run};
use crate::setup;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Most that the console itself may weigh, packed, in bytes: it is loaded over slow lines too.
const MAX_PACKED_BYTES: u64 = 250 << 10;
/// Folders of the build that the console loads only when asked: the API's documentation and GraphiQL.
const LAZY_FOLDERS: [&str; 3] = ["docs/", "graphiql/", "tools/"];
/// What the build is made of, besides `src` and `public`.
const SOURCES: [&str; 11] = [
    "src",
    "public",
    "tools",
    "scripts",
    "index.html",
    "package.json",
    "package-lock.json",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.ts",
    "vite.tools.config.ts",
];
/// Packs every text of at least 1 KiB and keeps only the packed form; prints path, size, packed size.
const PACK: &str = r#"
const fs = require('node:fs'), path = require('node:path'), zlib = require('node:zlib');
const root = process.argv[1];
const texts = /\.(html|js|mjs|css|json|svg|txt|map|wasm|webmanifest|ttf)$/;
const walk = (folder) => fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
  const at = path.join(folder, entry.name);
  return entry.isDirectory() ? walk(at) : [at];
});
for (const file of walk(root).sort()) {
  if (file.endsWith('.gz')) { if (fs.existsSync(file.slice(0, -3))) fs.rmSync(file); continue; }
  const bytes = fs.readFileSync(file);
  const packed = zlib.gzipSync(bytes, { level: 9 });
  const name = path.relative(root, file).split(path.sep).join('/');
  console.log([name, bytes.length, Math.min(packed.length, bytes.length)].join('\t'));
  if (bytes.length >= 1024 && texts.test(file) && packed.length < bytes.length) {
    fs.writeFileSync(file + '.gz', packed);
    fs.rmSync(file);
  }
}
"#;

/// One file of the build.
#[derive(Debug, PartialEq, Eq)]
struct Built {
    path: String,
    bytes: u64,
    packed: u64,
}

/// Builds the console, whether or not it changed.
pub fn console(folders: &Folders) -> Result<(), Failure> {
    let here = folders.root.join("web-console");
    setup::node_js()?;
    let stamp = here.join("node_modules/.p2pjob-built");
    // No stamp while the build is half done. A missing one is what is wanted.
    let _ = std::fs::remove_file(&stamp);
    install(&here)?;
    let mut build = Command::new("npm");
    build.current_dir(&here).args(["run", "--silent", "build"]);
    // Standard output may belong to a program that is run next.
    run(build.stdout(std::io::stderr()))?;
    let built = pack(&here.join("dist"))?;
    let packed = show(&built);
    if packed > MAX_PACKED_BYTES {
        let limit = MAX_PACKED_BYTES >> 10;
        let text =
            format!("the console weighs {packed} bytes packed; at most {limit} KiB are allowed: load less at once");
        return Err(Failure::new(text));
    }
    std::fs::write(&stamp, "").map_err(|error| Failure::file("write", &stamp, &error))
}

/// Builds the console if its sources changed since. Without Node.js the program is built without it, unless
/// P2PJOB_REQUIRE_ALL=1 says that nothing may be missing.
pub fn console_if_changed(folders: &Folders) -> Result<(), Failure> {
    let here = folders.root.join("web-console");
    if !here.join("package.json").is_file() || is_fresh(&here) {
        return Ok(());
    }
    match setup::node_js() {
        Err(failure) if !setup::require_all() => {
            eprintln!("warning: the web console is not built: {failure}");
            Ok(())
        }
        Err(failure) => Err(failure),
        Ok(()) => console(folders),
    }
}

fn is_fresh(here: &Path) -> bool {
    let sources: Vec<PathBuf> = SOURCES
        .iter()
        .map(|name| here.join(name))
        .filter(|path| path.exists())
        .collect();
    let page = ["dist/index.html", "dist/index.html.gz"]
        .iter()
        .any(|page| here.join(page).is_file());
    let built = modified(&here.join("node_modules/.p2pjob-built"));
    page && built.is_some_and(|built| newest(&sources).is_some_and(|changed| built > changed))
}

/// Installs the packages that the lock file names, if they are not there yet.
fn install(here: &Path) -> Result<(), Failure> {
    let lock = here.join("package-lock.json");
    let stamp = here.join("node_modules/.p2pjob-lock");
    let wanted = std::fs::read(&lock).map_err(|error| Failure::file("read", &lock, &error))?;
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let mut install = Command::new("npm");
    install.current_dir(here).args(["ci", "--no-audit", "--no-fund"]);
    // The browsers of the end-to-end tests come from the system.
    install.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    run(install.stdout(std::io::stderr()))?;
    std::fs::write(&stamp, wanted).map_err(|error| Failure::file("write", &stamp, &error))
}

fn pack(dist: &Path) -> Result<Vec<Built>, Failure> {
    let mut node = Command::new("node");
    node.args(["-e", PACK])
        .arg(dist)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let packed = node
        .output()
        .map_err(|error| Failure::new(format!("cannot run node: {error}")))?;
    if !packed.status.success() {
        return Err(Failure::new(format!(
            "packing {} ended with {}",
            dist.display(),
            packed.status
        )));
    }
    Ok(String::from_utf8_lossy(&packed.stdout)
        .lines()
        .filter_map(read_line)
        .collect())
}

fn read_line(line: &str) -> Option<Built> {
    let mut cells = line.split('\t');
    Some(Built {
        path: cells.next()?.to_owned(),
        bytes: cells.next()?.parse().ok()?,
        packed: cells.next()?.parse().ok()?,
    })
}

/// Prints the table of sizes; what the console itself weighs packed, in bytes.
fn show(built: &[Built]) -> u64 {
    let is_lazy = |file: &&Built| LAZY_FOLDERS.iter().any(|folder| file.path.starts_with(folder));
    let (lazy, own): (Vec<&Built>, Vec<&Built>) = built.iter().partition(is_lazy);
    eprintln!("{:>10} {:>10}  console", "bytes", "packed");
    for file in &own {
        eprintln!("{:>10} {:>10}  {}", file.bytes, file.packed, file.path);
    }
    let sum = |files: &[&Built]| {
        files
            .iter()
            .fold((0, 0), |(all, packed), file| (all + file.bytes, packed + file.packed))
    };
    let (bytes, packed) = sum(&own);
    eprintln!("{bytes:>10} {packed:>10}  in all, of at most {MAX_PACKED_BYTES}");
    let (lazy_bytes, lazy_packed) = sum(&lazy);
    eprintln!("{lazy_bytes:>10} {lazy_packed:>10}  beside it, loaded when asked for: API documentation, GraphiQL");
    packed
}

#[cfg(test)]
mod tests;
