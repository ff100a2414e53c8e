//! `models check`: what a model needs and whether nodes can run it, before anything is paid. Needs no node.

use crate::app::App;
use crate::console::Paint;
use crate::error::{CliError, Exit};
use crate::table::Table;
use serde_json::json;
use std::path::{Path, PathBuf};
use tensor_compute::onnx::{self, Port, Report};

/// Most bytes of a model file that is looked at: what a blob may have in an interpreter with 32-bit sizes.
const MAX_MODEL_BYTES: u64 = 2 << 30;

/// Arguments of `models`.
#[derive(clap::Args, Debug)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub action: ModelsAction,
}

/// What to do with a model.
#[derive(clap::Subcommand, Debug)]
pub enum ModelsAction {
    /// List a model's inputs, outputs and operators; exit code 3 when some operators are not supported
    Check {
        /// The ONNX file
        #[arg(value_name = "MODEL.onnx")]
        file: PathBuf,
    },
}

/// Runs `models`.
pub fn run(app: &App, args: &ModelsArgs) -> Result<Exit, CliError> {
    let ModelsAction::Check { file } = &args.action;
    let report = onnx::check(&read(file)?).map_err(|error| {
        let text = format!("{}: {error}", file.display());
        CliError::new(
            Exit::BadInput,
            text,
            "name an ONNX file; docs/ml.md tells how to export one",
        )
    })?;
    let missing: Vec<&str> = missing(&report).map(|(operator, _)| operator).collect();
    let object = json!({
        "supported": missing.is_empty(),
        "opset": report.opset,
        "parameters": report.parameters,
        "inputs": ports(&report.inputs),
        "outputs": ports(&report.outputs),
        "operators": report.operators.iter().map(|(operator, count, why)| {
            json!({ "operator": operator, "count": count, "supported": why.is_none(), "why": why })
        }).collect::<Vec<_>>(),
    });
    app.console.result(&object, |console| {
        let verdict = if missing.is_empty() {
            console.paint(Paint::Green, "every operator is supported")
        } else {
            let text = format!("not supported: {}", missing.join(", "));
            console.paint(Paint::Red, &text)
        };
        format!("{}\n{verdict}", describe(file, &report))
    })?;
    Ok(if missing.is_empty() { Exit::Ok } else { Exit::BadInput })
}

fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |error: std::io::Error| CliError::file("read", file, &error);
    let size = std::fs::metadata(file).map_err(failed)?.len();
    if size > MAX_MODEL_BYTES {
        let text = format!(
            "{} has {size} bytes, a model may have {MAX_MODEL_BYTES}",
            file.display()
        );
        return Err(CliError::new(
            Exit::Limit,
            text,
            "split it, or store its weights in half precision",
        ));
    }
    std::fs::read(file).map_err(failed)
}

fn missing(report: &Report) -> impl Iterator<Item = (&str, &str)> {
    let operators = report.operators.iter();
    operators.filter_map(|(operator, _, why)| Some((operator.as_str(), why.as_deref()?)))
}

fn ports(ports: &[Port]) -> Vec<serde_json::Value> {
    let one = |port: &Port| json!({ "name": port.name, "dtype": port.dtype.name(), "shape": port.shape });
    ports.iter().map(one).collect()
}

fn shape(port: &Port) -> String {
    let length = |length: &Option<usize>| length.map_or_else(|| "?".to_owned(), |length| length.to_string());
    let lengths: Vec<String> = port.shape.iter().map(length).collect();
    format!("[{}]", lengths.join(", "))
}

fn describe(file: &Path, report: &Report) -> String {
    let mut text = format!(
        "{}: operator set {}, {} weights\n\n",
        file.display(),
        report.opset,
        report.parameters
    );
    let mut table = Table::new(&["port", "name", "type", "shape"]);
    for (kind, ports) in [("input", &report.inputs), ("output", &report.outputs)] {
        for port in ports {
            table.row([kind.to_owned(), port.name.clone(), port.dtype.to_string(), shape(port)]);
        }
    }
    text.push_str(&table.render());
    text.push('\n');
    let mut table = Table::new(&["operator", "count", "supported"]);
    for (operator, count, why) in &report.operators {
        let supported = why
            .as_ref()
            .map_or_else(|| "yes".to_owned(), |why| format!("no: {why}"));
        table.row([operator.clone(), count.to_string(), supported]);
    }
    text.push_str(&table.render());
    text
}
