//! Where a request claims to come from: its host (against DNS rebinding), its origin (against forged requests of other
//! pages), and what that allows. Pure functions of the head of a request.

use super::authenticate::By;
use super::{CSRF_HEADER, Peer};
use crate::problem::Problem;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::net::{IpAddr, Ipv6Addr};

/// Headers that a proxy adds: the request is not of this machine, whatever its connection says.
const FORWARDED: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
];
/// The proof that a browser gives by itself.
const FETCH_SITE: &str = "sec-fetch-site";
const FETCH_MODE: &str = "sec-fetch-mode";

/// Under which names the node is reached, and which foreign pages may call it.
#[derive(Clone, Debug)]
pub struct Hosts {
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// The origin of the page that sent a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// None is said: no browser, or one that sends none for this.
    Absent,
    /// Our own console.
    Own,
    /// In `http.allowed_origins`.
    Allowed(HeaderValue),
    /// Any other, `null` included.
    Foreign,
}

/// What the head of a request says.
#[derive(Clone, Debug)]
pub struct Facts {
    pub method: Method,
    pub peer: Peer,
    pub origin: Origin,
    /// `Sec-Fetch-Site`, if it was sent.
    site: Option<String>,
    /// A person follows a link.
    navigates: bool,
    upgrades: bool,
    /// A proxy was in between.
    pub forwarded: bool,
    preflight: bool,
}

impl Hosts {
    /// Of the configuration.
    pub fn new(hosts: &[String], origins: &[String]) -> Self {
        let lower = |list: &[String]| {
            list.iter()
                .map(|item| item.trim_end_matches('/').to_ascii_lowercase())
                .collect()
        };
        Self {
            hosts: lower(hosts),
            origins: lower(origins),
        }
    }

    /// Whether the node is reached under this name: an IP address, `localhost`, or a configured one. A page that has its
    /// own name resolve to this machine is refused here.
    pub fn knows(&self, authority: &str) -> bool {
        let Some((host, _)) = split_port(authority) else {
            return false;
        };
        let host = host.to_ascii_lowercase();
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        bracketed.map_or_else(
            || host.parse::<IpAddr>().is_ok(),
            |inner| inner.parse::<Ipv6Addr>().is_ok(),
        ) || host == "localhost"
            || self.hosts.contains(&host)
    }

    /// What an `Origin` is to a node that was reached as `authority`.
    fn judge(&self, origin: Option<&HeaderValue>, authority: &str, tls: bool) -> Origin {
        let Some(value) = origin else {
            return Origin::Absent;
        };
        let text = value.to_str().unwrap_or("").to_ascii_lowercase();
        if is_own(&text, authority, tls) {
            Origin::Own
        } else if self.origins.contains(&text) {
            Origin::Allowed(value.clone())
        } else {
            Origin::Foreign
        }
    }
}

/// Host and port; none when the port is no number or the text has what no host has.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let odd = |c: char| !(c.is_ascii_alphanumeric() || "-._:[]".contains(c));
    if authority.is_empty() || authority.contains(odd) {
        return None;
    }
    let after_host = authority.rfind(']').map_or(0, |at| at + 1);
    match authority.get(after_host..)?.rsplit_once(':') {
        None => Some((authority, None)),
        Some((_, port)) => {
            let host = authority.get(..authority.len() - port.len() - 1)?;
            Some((host, Some(port.parse().ok()?)))
        }
    }
}

/// Whether an origin is the page of this very node. Without TLS a proxy may add it, so both schemes count then.
fn is_own(origin: &str, authority: &str, tls: bool) -> bool {
    let (default, theirs) = match origin.split_once("://") {
        Some(("https", theirs)) => (443, theirs),
        Some(("http", theirs)) if !tls => (80, theirs),
        _ => return false,
    };
    let (Some((their_host, their_port)), Some((host, port))) = (split_port(theirs), split_port(authority)) else {
        return false;
    };
    host.eq_ignore_ascii_case(their_host) && port.unwrap_or(default) == their_port.unwrap_or(default)
}

impl Facts {
    /// Reads the head; 421 when the node is not reached under that name.
    pub fn of(request: &Request, hosts: &Hosts) -> Result<Self, Problem> {
        let headers = request.headers();
        let unknown_peer = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "no connection", "");
        let peer = *request.extensions().get::<Peer>().ok_or_else(unknown_peer)?;
        let said = headers
            .get(header::HOST)
            .map(|host| host.to_str().unwrap_or("\u{fffd}"));
        let in_target = request.uri().authority().map(axum::http::uri::Authority::as_str);
        let mut names = in_target.into_iter().chain(said);
        let authority = names
            .next()
            .ok_or_else(|| Problem::bad_input("there is no Host header", "send one"))?;
        let several = headers.get_all(header::HOST).iter().count() > 1;
        if several || !hosts.knows(authority) || !names.all(|name| hosts.knows(name)) {
            return Err(wrong_host(authority));
        }
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_owned());
        Ok(Self {
            method: request.method().clone(),
            origin: hosts.judge(headers.get(header::ORIGIN), authority, peer.tls),
            site: text(FETCH_SITE),
            navigates: text(FETCH_MODE).is_some_and(|mode| mode == "navigate"),
            upgrades: headers.contains_key(header::UPGRADE) || *request.method() == Method::CONNECT,
            forwarded: FORWARDED.iter().any(|name| headers.contains_key(*name)),
            preflight: *request.method() == Method::OPTIONS
                && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
                && headers.contains_key(header::ORIGIN),
            peer,
        })
    }

    /// A browser asks whether a foreign page may send a request.
    pub fn is_preflight(&self) -> bool {
        self.preflight
    }

    /// Whether it changes nothing.
    pub fn is_safe(&self) -> bool {
        [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(&self.method)
    }

    /// Whether a page of another origin is behind it: cookies and being on this machine then count for nothing. A person
    /// who follows a link from elsewhere is no such page, as long as nothing is changed.
    pub fn is_foreign(&self) -> bool {
        let by_origin = matches!(self.origin, Origin::Allowed(_) | Origin::Foreign);
        let same = self
            .site
            .as_deref()
            .is_none_or(|site| ["same-origin", "none"].contains(&site));
        let follows_link = self.navigates && self.is_safe() && !self.upgrades;
        by_origin || !(same || follows_link)
    }

    /// Whether the page that sent it may: changes and WebSockets need a proof that it is our own, unless a token in a
    /// header is proof enough.
    pub fn check_proof(&self, by: By, headers: &HeaderMap) -> Result<(), Problem> {
        if self.is_safe() && !self.upgrades {
            return Ok(());
        }
        if self.origin == Origin::Foreign {
            let shown = headers
                .get(header::ORIGIN)
                .and_then(|origin| origin.to_str().ok())
                .unwrap_or("?");
            let detail = format!("pages of {shown:?} may not do this");
            let remedy = "add the origin to http.allowed_origins, and send a token in `Authorization`";
            return Err(forbidden("foreign_origin", &detail, remedy));
        }
        // A WebSocket of an allowed page has no identity yet: it shows a token in its first message.
        let shows_later = by == By::Nobody && self.upgrades && matches!(self.origin, Origin::Allowed(_));
        if by == By::Bearer || shows_later {
            return Ok(());
        }
        if self.is_foreign() {
            let remedy = "send a token in `Authorization`: cookies do not count for other pages";
            return Err(forbidden(
                "foreign_origin",
                "the request comes from a page of another origin",
                remedy,
            ));
        }
        let proven = self.site.is_some() || self.origin == Origin::Own;
        if by == By::Cookie && !proven && !headers.contains_key(CSRF_HEADER) {
            let remedy = format!("send the header `{CSRF_HEADER}: 1`");
            return Err(forbidden("csrf", "nothing shows that the console sent this", &remedy));
        }
        Ok(())
    }
}

fn forbidden(code: &str, detail: &str, remedy: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, code, detail, remedy)
}

fn wrong_host(authority: &str) -> Problem {
    let shown: String = authority.chars().take(80).collect();
    let detail = format!("this node is not reached as {shown:?}");
    let remedy = "use its IP address or localhost, or add the name to http.allowed_hosts";
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", detail, remedy)
}

#[cfg(test)]
mod tests;
