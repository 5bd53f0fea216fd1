//! The validator of a node: made when it is first needed, and anew when a package is taken over.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use fhir::resources::IssueType;
use fhir_validate::{Issue, Packages, Validator};
use tokio::sync::{Mutex, Semaphore};

use crate::fhir::Failure;
use crate::problem::{Problem, code};

/// The most validations that run at the same time; more wait.
const MAX_RUNNING: usize = 2;
/// The most time that one request waits for its validation.
const MAX_TIME: Duration = Duration::from_secs(10);

/// Where definitions beside those of R4 come from.
pub trait Definitions: Send + Sync {
    /// All definitions in use, those of R4 among them. It may block. What is wrong is told in
    /// words for the log.
    fn load(&self) -> Result<Packages, String>;
}

/// Validates resources against R4 and the packages in use. A clone is another handle.
#[derive(Clone)]
pub struct Judge(Arc<Inside>);

struct Inside {
    definitions: Option<Arc<dyn Definitions>>,
    current: RwLock<Option<Arc<Validator>>>,
    /// Held while a validator is made, so that it is made once.
    making: Mutex<()>,
    turns: Arc<Semaphore>,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").finish_non_exhaustive()
    }
}

impl Judge {
    pub(crate) fn new(definitions: Option<Arc<dyn Definitions>>) -> Self {
        Judge(Arc::new(Inside {
            definitions,
            current: RwLock::default(),
            making: Mutex::default(),
            turns: Arc::new(Semaphore::new(MAX_RUNNING)),
        }))
    }

    /// Reads the definitions anew and validates by them from now on, where validation was needed
    /// before. Where they cannot be read, those of before stay.
    pub async fn renew(&self) -> Result<(), String> {
        let _making = self.0.making.lock().await;
        if self.current().is_none() {
            return Ok(());
        }
        let made = self.make().await?;
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok(())
    }

    fn current(&self) -> Option<Arc<Validator>> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn make(&self) -> Result<Arc<Validator>, String> {
        let definitions = self.0.definitions.clone();
        let made = tokio::task::spawn_blocking(move || {
            let packages = definitions.map_or_else(|| Ok(Packages::r4()), |from| from.load())?;
            Ok(Arc::new(Validator::new(packages)))
        });
        made.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    async fn validator(&self) -> Result<Arc<Validator>, Problem> {
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let _making = self.0.making.lock().await;
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let made = self.make().await.map_err(|why| {
            tracing::error!(why, "the definitions to validate by cannot be read");
            let detail =
                "The definitions to validate by cannot be read: import the packages again.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, code::NO_DEFINITIONS, detail)
        })?;
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Validates resources in JSON, against these profiles too.
    pub(crate) async fn validate(
        &self,
        resources: Vec<String>,
        profiles: Vec<String>,
    ) -> Result<Vec<Vec<Issue>>, Failure> {
        let validator = self.validator().await?;
        let turns = Arc::clone(&self.0.turns);
        let work = async {
            // The semaphore is never closed, so the only outcome is a turn.
            let turn = turns.acquire_owned().await.ok();
            tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let profiles: Vec<&str> = profiles.iter().map(String::as_str).collect();
                let one = |json: &String| validator.validate(json, &profiles);
                resources.iter().map(one).collect::<Vec<_>>()
            })
            .await
        };
        match tokio::time::timeout(MAX_TIME, work).await {
            Ok(Ok(issues)) => Ok(issues),
            Ok(Err(_)) => Err(Problem::internal().into()),
            Err(_) => {
                let detail = "Validation takes too long: send less at a time.";
                let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code::TOO_COSTLY, detail);
                Err(Failure::new(problem, IssueType::TooCostly))
            }
        }
    }
}
