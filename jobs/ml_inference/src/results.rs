//! Results as JSON, `.npy` and `.npz`.

use crate::outputs::{Elements, Output, Outputs};
use crate::params::OutputForm;
use arrays::{Shown, ZipWriter, npy_header, npy_header_as, write_nested};
use p2pjob::prelude::*;
use std::io::Write;

/// Writes the outputs.
pub fn write(outputs: &Outputs, form: OutputForm, out: &mut Vec<u8>) -> Result<()> {
    match (form, outputs.each.as_slice()) {
        (OutputForm::Json, each) => write_json(each, out),
        (OutputForm::Auto | OutputForm::Npy, [one]) => write_npy(one, out),
        (OutputForm::Npy, each) => {
            let names: Vec<&str> = each.iter().map(|output| output.name.as_str()).collect();
            bail!(
                "there are {} outputs ({}), and a .npy file holds one; name it with outputs, or ask for output npz",
                each.len(),
                names.join(", ")
            )
        }
        (OutputForm::Auto | OutputForm::Npz, each) => {
            let mut archive = ZipWriter::new();
            for output in each {
                let mut file = Vec::new();
                write_npy(output, &mut file)?;
                archive.add(&format!("{}.npy", output.name), &file)?;
            }
            out.extend(archive.finish()?);
            Ok(())
        }
    }
}

fn write_npy(output: &Output, out: &mut Vec<u8>) -> Result<()> {
    match &output.elements {
        Elements::Numbers(element, bytes) => {
            out.extend(npy_header(*element, false, &output.shape));
            out.extend(&bytes.0);
        }
        // NumPy's texts have one length, in UTF-32, filled up with zeros.
        Elements::Texts(texts) => {
            let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
            out.extend(npy_header_as(&format!("<U{longest}"), false, &output.shape));
            for text in texts {
                let letters = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest);
                letters.for_each(|letter| out.extend(letter.to_le_bytes()));
            }
        }
    }
    Ok(())
}

fn write_json(each: &[Output], out: &mut Vec<u8>) -> Result<()> {
    for (number, output) in each.iter().enumerate() {
        out.write_all(if number == 0 { b"{" } else { b"," })?;
        p2pjob::serde_json::to_writer(&mut *out, &output.name)?;
        write!(out, ":{{\"dtype\":\"{}\",\"shape\":", output.elements.type_name())?;
        p2pjob::serde_json::to_writer(&mut *out, &output.shape)?;
        out.write_all(b",\"data\":")?;
        match &output.elements {
            Elements::Numbers(element, bytes) => {
                let shown = Shown {
                    element: *element,
                    bytes: &bytes.0,
                };
                write_nested(&output.shape, out, &mut |at, out| shown.write(at, out))?;
            }
            Elements::Texts(texts) => write_nested(&output.shape, out, &mut |at, out| {
                let text = texts.get(at).map_or("", String::as_str);
                Ok(p2pjob::serde_json::to_writer(out, text)?)
            })?,
        }
        out.write_all(b"}")?;
    }
    out.write_all(if each.is_empty() { b"{}\n" } else { b"}\n" })?;
    Ok(())
}
