//! A new job's folder, filled from a template that is part of this program.

use std::fmt::Write;
use std::path::{Path, PathBuf};

const CARGO_TOML: &str = include_str!("../../../../guest-sdk/templates/Cargo.toml.in");
const GITIGNORE: &str = include_str!("../../../../guest-sdk/templates/gitignore.in");

/// What a new job begins as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Template {
    /// Three short functions on numbers, no inputs.
    #[default]
    Minimal,
    /// A function applied to every line of an input; the result is streamed.
    Map,
    /// The words of a text.
    WordCount,
    /// A network trained with burn.
    Burn,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Minimal, Self::Map, Self::WordCount, Self::Burn];

    /// The name used by `--template`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Map => "map",
            Self::WordCount => "word_count",
            Self::Burn => "burn",
        }
    }

    const fn summary(self) -> &'static str {
        match self {
            Self::Minimal => "Sums the numbers from 1 on.",
            Self::Map => "Changes every line of a text.",
            Self::WordCount => "Counts the words of a text.",
            Self::Burn => "Trains small networks from several starts and keeps the best.",
        }
    }

    /// `(path, text)` of the files that differ between templates.
    const fn files(self) -> [(&'static str, &'static str); 3] {
        macro_rules! files {
            ($folder:literal) => {
                [
                    (
                        "src/lib.rs",
                        include_str!(concat!("../../../../guest-sdk/templates/", $folder, "/lib.rs.in")),
                    ),
                    (
                        "src/tests.rs",
                        include_str!(concat!(
                            "../../../../guest-sdk/templates/",
                            $folder,
                            "/tests.rs.in"
                        )),
                    ),
                    (
                        "README.md",
                        include_str!(concat!(
                            "../../../../guest-sdk/templates/",
                            $folder,
                            "/README.md.in"
                        )),
                    ),
                ]
            };
        }
        match self {
            Self::Minimal => files!("minimal"),
            Self::Map => files!("map"),
            Self::WordCount => files!("word_count"),
            Self::Burn => files!("burn"),
        }
    }

    /// What stands in Cargo.toml below the SDK: further dependencies, and crates of burn that a sandbox replaces.
    fn dependencies(self, sdk: &SdkSource) -> String {
        if self != Self::Burn {
            return String::new();
        }
        let ours = |folder: &str| sdk.dependency(folder);
        let tested = ours("burn/p2pjob-burn").replace(" }", ", features = [\"flex\"] }");
        format!(
            "p2pjob-burn = {}\n\
             # Features of burn beside these: as you need them. Not a backend: in a job that is the node's.\n\
             burn = {{ version = \"=0.22.1\", default-features = false, features = [\"std\", \"optim\", \"remote\"] }}\n\n\
             [dev-dependencies]\n\
             # `cargo test` computes with burn's own CPU backend.\n\
             p2pjob-burn = {tested}\n\n\
             [patch.crates-io]\n\
             burn-remote = {}\n\
             wasm-bindgen-futures = {}\n\
             web-time = {}\n",
            ours("burn/p2pjob-burn"),
            ours("burn/burn-remote"),
            ours("burn/wasm-bindgen-futures"),
            ours("burn/web-time"),
        )
    }
}

impl std::str::FromStr for Template {
    type Err = NewProjectError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|template| template.name() == name);
        found.ok_or_else(|| NewProjectError::Template(name.to_owned()))
    }
}

/// Where the new job finds the SDK.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SdkSource {
    /// The folder `guest-sdk/p2pjob` of a checkout.
    Path(PathBuf),
    /// A git repository.
    Git {
        /// Its address.
        url: String,
        /// A tag or commit; none is the default branch.
        rev: Option<String>,
    },
}

impl SdkSource {
    /// The SDK of the checkout that `start` lies in, if it lies in one.
    pub fn of_checkout(start: &Path) -> Option<Self> {
        let folders = start.ancestors().map(|folder| folder.join("guest-sdk/p2pjob"));
        folders
            .into_iter()
            .find(|sdk| sdk.join("Cargo.toml").is_file())
            .map(Self::Path)
    }

    /// The right-hand side of a dependency in a Cargo.toml, on the crate in this folder of the guest SDK.
    fn dependency(&self, folder: &str) -> String {
        match self {
            Self::Path(path) => {
                let sdk = path.parent().unwrap_or(Path::new("..")).join(folder);
                format!("{{ path = {} }}", toml_text(&sdk.to_string_lossy()))
            }
            Self::Git { url, rev: None } => format!("{{ git = {} }}", toml_text(url)),
            Self::Git { url, rev: Some(rev) } => format!("{{ git = {}, rev = {} }}", toml_text(url), toml_text(rev)),
        }
    }
}

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
pub enum NewProjectError {
    /// The name cannot name a job.
    #[error("{0:?} cannot name a job; use lower-case letters, digits, `_` and `-`, at most 64, a letter first")]
    Name(String),
    /// There is no such template.
    #[error("there is no template {0:?}; there are minimal, map, word_count and burn")]
    Template(String),
    /// Something is in the way.
    #[error("{} exists already; choose another name or remove it", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}: {why}", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
}

/// Makes the folder `parent/name` with a job that builds and passes its tests. Returns the folder.
pub fn new_project(parent: &Path, name: &str, template: Template, sdk: &SdkSource) -> Result<PathBuf, NewProjectError> {
    if !job_model::manifest::is_job_name(name) {
        return Err(NewProjectError::Name(name.to_owned()));
    }
    let folder = parent.join(name);
    if folder.exists() {
        return Err(NewProjectError::Exists(folder));
    }
    let fill = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{Job}}", &type_name(name))
            .replace("{{summary}}", template.summary())
            .replace("{{sdk}}", &sdk.dependency("p2pjob"))
            .replace("{{dependencies}}", &template.dependencies(sdk))
    };
    for (path, text) in [("Cargo.toml", CARGO_TOML), (".gitignore", GITIGNORE)]
        .into_iter()
        .chain(template.files())
    {
        let path = folder.join(path);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, fill(text)));
        written.map_err(|why| NewProjectError::Write { path, why })?;
    }
    Ok(folder)
}

/// `my_first-job` as the name of a Rust type: `MyFirstJob`. The word `Job` comes behind it where it would hide a name
/// of the SDK's prelude.
fn type_name(name: &str) -> String {
    const TAKEN: [&str; 20] = [
        "Job",
        "Counts",
        "Cut",
        "Error",
        "InputDecl",
        "Inputs",
        "NoParams",
        "OutputWriter",
        "Params",
        "Partials",
        "PlanHint",
        "Range",
        "Raw",
        "Reader",
        "Reduce",
        "Result",
        "Slices",
        "Source",
        "Verify",
        "Written",
    ];
    let mut camel = String::new();
    for word in name.split(['_', '-']) {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    let std_name = matches!(
        camel.as_str(),
        "String" | "Vec" | "Option" | "Some" | "None" | "Ok" | "Err" | "Box" | "Self"
    );
    if TAKEN.contains(&camel.as_str()) || std_name {
        camel.push_str("Job");
    }
    camel
}

/// A TOML basic string.
fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
