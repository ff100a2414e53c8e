//! The requester's background work: planning, recalling known results, bringing outputs here, reducing.
//! Each function ends in a new input for the main loop; nothing here holds state that a crash could lose.

mod imports;
mod outputs;
mod plan;
mod reduce;

pub use imports::{ImportCache, bring_blob, import_input};
pub use outputs::fetch_outputs;
pub use plan::{MAX_PLAN_BYTES, PlanCache, load_plan, plan_once, plan_task, recall};
pub use reduce::reduce_task;
