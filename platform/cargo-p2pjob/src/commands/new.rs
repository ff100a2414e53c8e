//! `new NAME`: a job from a template.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::guest_build::{NewProjectError, SdkSource, Template, new_project};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `new`.
#[derive(clap::Args, Debug)]
pub struct NewArgs {
    /// Name of the job and of its folder; a path makes it there
    pub path: PathBuf,
    /// minimal, map, word_count or burn
    #[arg(long, default_value = "minimal", value_name = "NAME")]
    pub template: String,
    /// Folder of the guest SDK (else: that of the checkout)
    #[arg(long, value_name = "DIR", conflicts_with = "sdk_git")]
    pub sdk: Option<PathBuf>,
    /// Git address of the guest SDK, with `#REV` for a tag or commit
    #[arg(long, value_name = "URL")]
    pub sdk_git: Option<String>,
}

/// Runs `new`.
pub fn run(app: &App, args: &NewArgs) -> Result<Exit, CliError> {
    let template: Template = args.template.parse().map_err(refuse)?;
    let name = args
        .path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let parent = args
        .path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let folder = new_project(parent, &name, template, &sdk(args)?).map_err(refuse)?;
    app.console.result(&json!({ "name": name, "path": folder }), |_| {
        let shown = folder.display();
        format!("made {shown}\nnext p2pjob test {shown}")
    })?;
    Ok(Exit::Ok)
}

/// Where the new job finds the SDK: the flags, the checkout around the working folder, the checkout this was built in.
fn sdk(args: &NewArgs) -> Result<SdkSource, CliError> {
    if let Some(folder) = &args.sdk {
        return Ok(SdkSource::Path(crate::session::absolute(folder)?));
    }
    if let Some(address) = &args.sdk_git {
        let (url, rev) = address
            .split_once('#')
            .map_or((address.as_str(), None), |(url, rev)| (url, Some(rev)));
        return Ok(SdkSource::Git {
            url: url.to_owned(),
            rev: rev.map(str::to_owned),
        });
    }
    let here = std::path::absolute(".").unwrap_or_default();
    let found = SdkSource::of_checkout(&here).or_else(|| SdkSource::of_checkout(Path::new(env!("CARGO_MANIFEST_DIR"))));
    found.ok_or_else(|| {
        let message = "no guest SDK was found: there is no p2pjob checkout here";
        CliError::new(
            Exit::NotFound,
            message,
            "name it with --sdk DIR (the folder guest-sdk/p2pjob) or --sdk-git URL",
        )
    })
}

/// The error's text already says what to do.
fn refuse(error: NewProjectError) -> CliError {
    let exit = match &error {
        NewProjectError::Write { .. } => Exit::Environment,
        NewProjectError::Name(_) | NewProjectError::Template(_) | NewProjectError::Exists(_) => Exit::BadInput,
    };
    CliError::new(exit, error.to_string(), "")
}
