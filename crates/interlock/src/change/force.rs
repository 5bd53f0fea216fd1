//! Putting a configuration in force: at the start of a node, on a running one, or without one.

use std::collections::BTreeMap;

use api::{AdminError, Wish};
use engine::{Command, Engine};
use medicines::{About, Application, Applied, Request};

use super::applied::{configurations, of_folder, text_of};
use super::compare::{Base, Comparison, Queues, compare};
use super::fate::Fates;
use crate::config::Configuration;
use crate::node::{Plan, RECORD_FILE, start_engine};

/// The source from which the engine has configurations.
const CHANNEL: &str = "configuration";
/// The most lines about changes that are kept with a configuration.
const MAX_LINES: usize = 100;

/// Who wants a configuration, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct Force {
    /// The client, or the command, that asked.
    pub(crate) client: String,
    /// The person, where one was named.
    pub(crate) by: Option<String>,
    /// What becomes of messages that wait on channels that send no more.
    pub(crate) fates: Fates,
    /// The entry whose configuration it is again.
    pub(crate) back_to: Option<u64>,
}

impl Force {
    /// What a wish over HTTP says of it.
    pub(crate) fn of(wish: &Wish, client: &str) -> Self {
        Force {
            client: client.to_owned(),
            by: wish.by.clone(),
            fates: Fates::of(wish),
            back_to: wish.back_to,
        }
    }
}

/// Has the engine keep a configuration as the one in force.
pub(crate) async fn put_in_force(
    engine: &Engine,
    plan: &Plan,
    comparison: &Comparison,
    force: Force,
) -> Result<Applied, AdminError> {
    let Force { client, by, fates, back_to } = force;
    let mut changes = comparison.lines(&fates);
    if let Some(more) = changes.len().checked_sub(MAX_LINES).filter(|more| *more > 0) {
        changes.truncate(MAX_LINES);
        changes.push(format!("and {more} more"));
    }
    let bundle = &plan.configuration.bundle;
    let at = engine.clock().now();
    let by = by.unwrap_or_else(|| client.clone());
    let held = fates.held(&comparison.stranded);
    let about = About { by, at, digest: bundle.digest(), changes, back_to, held };
    let application = Application {
        site: plan.site.clone(),
        about: about.clone(),
        reroute: fates.rerouted(),
        discard: fates.discard,
    };
    let request = Request::Apply(Box::new(application));
    let mut command = Command::internal(&client, at, request);
    command.channel = CHANNEL.into();
    command.raw = bundle.to_json();
    let receipt = engine.submit(command).await.map_err(|_| AdminError::Stopped)?;
    Ok(Applied { entry: receipt.seq, about })
}

/// A node that starts: its configuration is put in force unless it is already. Gives the
/// configuration in force.
pub(crate) async fn at_start(engine: &Engine, plan: &Plan) -> Result<Applied, AdminError> {
    let base = base_of(engine).await?;
    if let Some(applied) = &base.applied
        && applied.about.digest == plan.configuration.bundle.digest()
    {
        return Ok(applied.clone());
    }
    let comparison = compare(&base, plan, &Queues::new());
    let force = Force { client: plan.by.clone(), ..Force::default() };
    put_in_force(engine, plan, &comparison, force).await
}

/// The configuration in force on a running engine.
pub(crate) async fn base_of(engine: &Engine) -> Result<Base, AdminError> {
    let engine = engine.clone();
    let read = move || {
        let readers = engine.readers();
        let reader = readers.get().map_err(|error| error.to_string())?;
        let Some(applied) = configurations(&reader)?.pop() else {
            return Ok(Base::default());
        };
        let journal = engine.journal().map_err(|error| error.to_string())?;
        let bundle = text_of(&journal, applied.entry)?.unwrap_or_default();
        let parts = Configuration::of(bundle).parts;
        Ok(Base { applied: Some(applied), parts })
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| Err(error.to_string())).map_err(AdminError::Unreadable)
}

/// A data folder on which no node runs: what a configuration would change there.
pub(crate) fn offline(plan: &Plan) -> Result<Comparison, String> {
    let mut base = Base { applied: of_folder(&plan.data)?.pop(), ..Base::default() };
    if let Some(applied) = &base.applied {
        let journal = journal::Reader::open(&plan.journal()).map_err(|error| error.to_string())?;
        let bundle = text_of(&journal, applied.entry)?.unwrap_or_default();
        base.parts = Configuration::of(bundle).parts;
    }
    let record = plan.data.join(RECORD_FILE);
    let queues = match record::Reader::open(&record, &plan.journal()) {
        Ok(reader) => queues_of(&reader)?,
        Err(_) => Queues::new(),
    };
    Ok(compare(&base, plan, &queues))
}

/// How many messages wait on each channel.
pub(crate) fn queues_of(reader: &record::Reader) -> Result<Queues, String> {
    let queues = reader.queues().map_err(|error| error.to_string())?;
    Ok(queues.into_iter().map(|queue| (queue.channel, queue.depth)).collect::<BTreeMap<_, _>>())
}

/// Puts a configuration in force where no node runs: the next start finds it so.
pub(crate) async fn without_node(plan: &Plan, force: Force) -> Result<Applied, String> {
    let comparison = offline(plan)?;
    let obstacles = comparison.obstacles(&force.fates);
    if !obstacles.is_empty() {
        return Err(AdminError::Obstacles(obstacles).to_string());
    }
    std::fs::create_dir_all(&plan.data).map_err(|error| error.to_string())?;
    let engine = start_engine(plan).await.map_err(|error| error.to_string())?;
    let applied = put_in_force(&engine, plan, &comparison, force).await;
    applied.map_err(|error| error.to_string())
}
