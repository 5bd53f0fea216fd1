//! From an act with stock to facts.

use super::act::StockAct;
use super::{count, moves, recall, receive};
use crate::command::{Context, Decision, Problem};
use crate::state::State;

/// Decides an act with stock outside a cabinet's own transactions.
pub(crate) fn act(state: &State, ctx: &Context, act: &StockAct) -> Result<Decision, Problem> {
    match act {
        StockAct::Move(told) => moves::moved(state, ctx, told),
        StockAct::Receive(told) => receive::received(state, ctx, told),
        StockAct::Count(told) => count::counted(state, ctx, told),
        StockAct::Recall(told) => recall::recall(state, ctx, told),
        StockAct::Lift(told) => recall::lift(state, ctx, told),
    }
}
