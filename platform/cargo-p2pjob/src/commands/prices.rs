//! `prices`: what work costs at this node, now and presumably in an hour.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::table::Table;
use node::control::protocol::{Reply, Request};

/// Runs `prices`.
pub fn run(app: &App) -> Result<Exit, CliError> {
    let Reply::Prices(prices) = app.connect()?.ask(Request::Prices)? else {
        return Err(CliError::surprise("prices"));
    };
    app.console.result(&prices, |_| {
        let mut table = Table::new(&["resource", "now", "in 1 h"]);
        for (resource, price) in &prices.current_prices {
            let later = prices
                .prediction_1h
                .get(resource)
                .map_or("-".to_owned(), |price| format!("{price:.6}"));
            table.row([resource.clone(), format!("{price:.6}"), later]);
        }
        let head = format!(
            "market {} (factor {:.3})",
            prices.market_condition, prices.market_factor
        );
        format!(
            "{head}\n{}credits per unit; prediction: {}",
            table.render(),
            prices.prediction_method
        )
    })?;
    Ok(Exit::Ok)
}
