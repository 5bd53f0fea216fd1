//! Looks after the tasks that tell subscribers: one for each subscription that is on.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use fhir::{Id, ResourceType};
use medicines::subscriptions::{Status, Subscription};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::sleep;

use super::asked::Channel;
use super::pump::{Pump, stand};
use super::{Asked, Subscriptions};
use crate::state::ApiState;

/// The pause after the subscriptions could not be read, or a task ended while its subscription
/// stood as before.
const PAUSE: Duration = Duration::from_secs(1);

/// That subscribers are told. When it is dropped, they are not told any more.
#[derive(Debug)]
pub struct Telling(JoinHandle<()>, Subscriptions);

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.abort();
        self.1.streams.end();
    }
}

impl Subscriptions {
    /// Tells subscribers from now on.
    pub fn start(api: &ApiState) -> Telling {
        Telling(tokio::spawn(manage(api.clone())), api.subscriptions())
    }
}

async fn manage(api: ApiState) {
    let mut changed = api.subscriptions.changed.subscribe();
    let mut running: BTreeMap<Id, (u64, AbortHandle)> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    loop {
        changed.borrow_and_update();
        // Before the subscriptions are read: a task that said how its own stands said so first.
        let ended = ended(&mut running);
        match api
            .query(|record| {
                let all = record.subscriptions()?;
                let on = all.into_iter().filter(|one| one.status.is_on());
                on.map(|one| {
                    let stored = record.read(ResourceType::Subscription, &one.id)?;
                    Ok((one, stored.map(|stored| stored.json().to_owned())))
                })
                .collect::<Result<Vec<_>, record::Error>>()
            })
            .await
        {
            Ok(all) if ended.iter().any(|(id, version)| is_there(&all, id, *version)) => {
                // A task failed, or nothing can be written any more.
                if api.engine.progress().has_changed().is_err() {
                    return;
                }
                sleep(PAUSE).await;
                continue;
            }
            Ok(all) => settle(&api, all, &mut running, &mut tasks).await,
            Err(error) => {
                tracing::error!(%error, "the subscriptions could not be read");
                sleep(PAUSE).await;
                continue;
            }
        }
        tokio::select! {
            more = changed.changed() => if more.is_err() { return },
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                if ended.is_err_and(|error| error.is_panic()) {
                    tracing::error!("a task that tells a subscriber ended unexpectedly");
                }
            }
        }
    }
}

/// Forgets the tasks that have ended; gives the subscriptions and versions that they were for.
fn ended(running: &mut BTreeMap<Id, (u64, AbortHandle)>) -> Vec<(Id, u64)> {
    let mut ended = Vec::new();
    running.retain(|id, (version, task)| {
        if task.is_finished() {
            ended.push((id.clone(), *version));
        }
        !task.is_finished()
    });
    ended
}

fn is_there(all: &[(Subscription, Option<String>)], id: &Id, version: u64) -> bool {
    all.iter().any(|(one, _)| one.id == *id && one.version == version)
}

/// Begins the tasks that are missing and ends those that are not needed.
async fn settle(
    api: &ApiState,
    all: Vec<(Subscription, Option<String>)>,
    running: &mut BTreeMap<Id, (u64, AbortHandle)>,
    tasks: &mut JoinSet<()>,
) {
    running.retain(|id, (version, task)| {
        let ends = !is_there(&all, id, *version);
        if ends {
            task.abort();
        }
        !ends
    });
    api.subscriptions.lock().retain(|id, _| all.iter().any(|(one, _)| one.id == *id));
    for (one, json) in all {
        if running.contains_key(&one.id) {
            continue;
        }
        let Some(Ok(asked)) = json.as_deref().map(Asked::read) else {
            let reason = "unreadable: this version of the server cannot read the subscription";
            // Where the engine has stopped there is nothing to look after.
            let _ = stand(api, &one, Status::Error, Some(reason.to_owned())).await;
            continue;
        };
        if asked.channel == Channel::Stream {
            // Its subscriber comes and reads.
            continue;
        }
        let (id, version) = (one.id.clone(), one.version);
        let seed = seed(api, &one);
        let pump = Pump { api: api.clone(), one, asked: Arc::new(asked), seed, messages: None };
        running.insert(id, (version, tasks.spawn(pump.run())));
    }
}

/// A seed of its own for each subscription, so that their attempts are spread.
fn seed(api: &ApiState, one: &Subscription) -> u64 {
    let mut hasher = DefaultHasher::new();
    one.id.as_str().hash(&mut hasher);
    hasher.finish() ^ api.subscriptions.policy().map_or(0, |policy| policy.seed)
}
