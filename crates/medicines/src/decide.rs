//! From a request to facts. A table: each request has its verb's file.

use std::sync::Arc;

use crate::command::{Answer, Context, Decision, Problem, Request};
use crate::fact::Fact;
use crate::facts::{Facts, park};
use crate::state::State;
use crate::stock::StockAct;
use crate::{
    bedside, cabinet, cases, configuration, controlled, deliveries, dictionary, filing, orders,
    package, patients, stock, store, subscriptions, timers, vigilance,
};

/// Decides what a request makes true. It changes nothing: [`State::fold`] does.
///
/// `state` is `&mut` only because reading something that ended long ago brings it back into
/// memory; the answer depends on the folded facts, the request and the context alone.
pub fn decide(state: &mut State, ctx: &Context, request: &Request) -> Decision {
    let classified = controlled::before(state, ctx, request);
    let mut decision = act(state, ctx, request);
    vigilance::watch(state, ctx, &mut decision);
    controlled::watch(state, ctx, &mut decision);
    decision.facts.splice(0..0, classified);
    decision
}

/// Decides a request by itself, or as a part of another one.
pub(crate) fn act(state: &mut State, ctx: &Context, request: &Request) -> Decision {
    match request {
        Request::Configure(site) => configure(state, ctx, site),
        Request::Apply(application) => configuration::apply(state, ctx, application),
        Request::TakeOver(dictionary) => dictionary::take_over(state, ctx, dictionary),
        Request::TakePackage(package) => package::take_over(state, ctx, package),
        Request::Patient(message) => or_park(patients::tell(state, ctx, message), state, ctx),
        Request::Merge(message) => or_park(patients::merge(state, ctx, message), state, ctx),
        Request::Orders(messages) => or_park(orders::receive(state, ctx, messages), state, ctx),
        Request::Verify(told) => or_answer(orders::verify(state, ctx, told)),
        Request::Swap(both) => or_park(patients::swap(state, ctx, both), state, ctx),
        Request::Renumber(message) => or_park(patients::renumber(state, ctx, message), state, ctx),
        Request::Allergies(told) => or_park(patients::allergies(state, ctx, told), state, ctx),
        Request::File(filing) => or_park(filing::file(state, ctx, filing), state, ctx),
        Request::Keep(message) => filing::keep(state, ctx, message),
        Request::Transaction(transaction) => cabinet::receive(state, ctx, transaction),
        Request::Stock(act) if matches!(**act, StockAct::Recall(_) | StockAct::Lift(_)) => {
            or_answer(stock::act(state, ctx, act))
        }
        Request::Stock(act) => or_park(stock::act(state, ctx, act), state, ctx),
        Request::Controlled(told) => controlled::act(state, ctx, told),
        Request::CriticalOverride(asked) => or_answer(cabinet::switch(state, ctx, asked)),
        Request::Remove(asked) => cabinet::ask(state, ctx, asked),
        Request::Complete(done) => cabinet::complete(state, ctx, done),
        Request::Administer(given) => or_park(bedside::administer(state, ctx, given), state, ctx),
        Request::Bedside(scans) => or_park(bedside::act(state, ctx, scans), state, ctx),
        Request::Delivered(outcome) => deliveries::outcome(state, ctx, outcome),
        Request::Stray(stray) => deliveries::stray(state, ctx, stray),
        Request::LinkUp { channel } => deliveries::link_up(state, ctx, channel),
        Request::Resolve(resolution) => cases::resolve(state, ctx, resolution),
        Request::Unmapped { codes, request } => cases::unmapped(state, ctx, codes, request),
        Request::Forward(message) => deliveries::forward(state, ctx, message),
        Request::Dropped => Facts::new(ctx, &Arc::clone(state.site())).done(),
        Request::Replay { case, by, request, .. } => replay(state, ctx, case, by, request),
        Request::Resend(asked) => deliveries::resend(state, ctx, asked),
        Request::Park(problem) => park(ctx, &Arc::clone(state.site()), problem.clone()),
        Request::Write(write) => store::write(state, ctx, write),
        Request::Subscription(act) => subscriptions::act(state, ctx, act),
        Request::See(looks) => note(looks.iter().cloned().map(Fact::Seen)),
        Request::TurnAway(access) => note([Fact::Refused(access.clone())]),
        Request::Tick => timers::tick(state, ctx),
    }
}

fn configure(state: &State, ctx: &Context, site: &crate::Site) -> Decision {
    let mut facts = Facts::new(ctx, site);
    if **state.site() != *site {
        facts.push(Fact::Configured(Box::new(site.clone())));
    }
    facts.done()
}

fn or_park(decided: Result<Decision, Problem>, state: &State, ctx: &Context) -> Decision {
    decided.unwrap_or_else(|problem| park(ctx, &Arc::clone(state.site()), problem))
}

/// The problem is told to the person who asked, who mends it there and then: a case would ask
/// somebody else to look at it again.
fn or_answer(decided: Result<Decision, Problem>) -> Decision {
    let told = |problem| Decision { facts: Vec::new(), answer: Answer::Parked(problem) };
    decided.unwrap_or_else(told)
}

/// A parked message again. Where it still cannot be acted on, its case stays and no second one
/// opens.
fn replay(
    state: &mut State,
    ctx: &Context,
    case: &fhir::Id,
    by: &str,
    request: &Request,
) -> Decision {
    let site = Arc::clone(state.site());
    if state.open_case(case).is_none() || matches!(request, Request::Replay { .. }) {
        let resolution =
            cases::Resolution { case: case.clone(), by: by.to_owned(), resolution: String::new() };
        return cases::resolve(state, ctx, &resolution);
    }
    let mut decision = act(state, ctx, request);
    if let Answer::Parked(_) = decision.answer {
        decision.facts.clear();
        return decision;
    }
    let mut closing = Facts::new(ctx, &site);
    closing.close(case, by, "replayed");
    decision.facts.extend(closing.done().facts);
    decision
}

fn note(facts: impl IntoIterator<Item = Fact>) -> Decision {
    Decision { facts: facts.into_iter().collect(), answer: Answer::Done }
}
