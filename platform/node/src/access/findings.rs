//! What `doctor` says of access over HTTP.

use crate::config::TlsMode;
use crate::context::{Context, now};
use crate::control::protocol::DoctorFinding;
use std::net::IpAddr;

/// Findings about the listener, its tokens and the audit log. None while nothing serves HTTP.
pub fn findings(context: &Context) -> Vec<DoctorFinding> {
    let Some(front) = context.access.front.get() else {
        return Vec::new();
    };
    let http = &context.config.http;
    let finding = |level: &str, check: &str, finding: String, remedy: &str| DoctorFinding {
        level: level.to_owned(),
        check: check.to_owned(),
        finding,
        remedy: remedy.to_owned(),
    };
    let loopback = http.listen.is_none_or(|address| is_loopback(address.ip()));
    let certificate = front
        .fingerprint
        .as_ref()
        .map(|print| format!(", certificate {print}"))
        .unwrap_or_default();
    let mut findings = vec![if http.tls == TlsMode::Off && !loopback {
        let remedy =
            "set http.tls = \"self_signed\" or \"files\", or put a proxy with TLS in front and listen on loopback";
        let text = format!(
            "{} is reached from other machines without TLS: tokens can be read on the way",
            front.url
        );
        finding("warn", "http", text, remedy)
    } else {
        finding("ok", "http", format!("{}{certificate}", front.url), "")
    }];
    let now = now();
    let valid = |expires: Option<job_model::UnixMillis>| expires.is_none_or(|end| end > now);
    let tokens = context.access.tokens.list();
    let count = tokens
        .iter()
        .filter(|token| token.revoked_at.is_none() && valid(token.expires_at))
        .count();
    if count == 0 && !loopback {
        let remedy = "make one with `p2pjob token new --role viewer --name NAME`";
        findings.push(finding(
            "warn",
            "tokens",
            "no token is valid: nobody can use the API from elsewhere".to_owned(),
            remedy,
        ));
    } else {
        findings.push(finding("ok", "tokens", format!("{count} valid"), ""));
    }
    let head = context.access.audit.head();
    findings.push(if context.access.audit.is_writable() {
        finding("ok", "audit log", format!("{} records", head.seq), "")
    } else {
        let remedy = "free the disk of the data directory, then restart the node";
        finding(
            "fail",
            "audit log",
            "it cannot be written: changes are refused".to_owned(),
            remedy,
        )
    });
    findings
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
