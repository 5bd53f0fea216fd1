//! From values to HTML, by templates that escape whatever they are given.

mod controlled;
mod desks;
mod tags;

use std::sync::Arc;

use askama::Template;
use tokio::time::Instant;

pub(crate) use controlled::{
    CountPage, CountsPage, HandOverPage, HandsPage, RequisitionsPage, WastePage,
};
pub(crate) use desks::{
    CriticalPage, DiscrepancyPage, LooksPage, OrderPage, QueuePage, RecallPage, RecallsPage,
    RegisterPage, RegistersPage,
};

use crate::view::{Asked, FoundRow, LifeView, LiveLoop, Shell};

/// The parts of the live loop, rendered at one time.
pub(crate) struct Frame {
    /// When it was made.
    pub(crate) made: Instant,
    pub(crate) parts: Vec<Part>,
}

/// A piece of the page that is replaced as a whole.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) html: Arc<str>,
}

macro_rules! parts {
    ($($part:ident, $name:literal, $path:literal;)*) => {
        $(
            #[derive(Template)]
            #[template(path = $path)]
            struct $part<'a> {
                view: &'a LiveLoop,
            }
        )*

        fn rendered(view: &LiveLoop) -> Vec<(&'static str, String)> {
            vec![$(($name, html(&$part { view }))),*]
        }
    };
}

parts! {
    Clock, "clock", "parts/clock.html";
    Critical, "critical", "parts/critical.html";
    Alarms, "alarms", "parts/alarms.html";
    Summary, "summary", "parts/summary.html";
    Wards, "wards", "parts/wards.html";
    Cases, "cases", "parts/cases.html";
    Removals, "removals", "parts/removals.html";
    Doses, "doses", "parts/doses.html";
    Orders, "orders", "parts/orders.html";
    Channels, "channels", "parts/channels.html";
    Journal, "journal", "parts/journal.html";
}

impl Frame {
    /// Renders every part. What is as it was `before` shares its text with it.
    pub(crate) fn of(view: &LiveLoop, before: Option<&Frame>) -> Self {
        let part = |(name, html): (&'static str, String)| {
            let same = before.and_then(|frame| frame.part(name)).filter(|part| *part.html == html);
            same.cloned().unwrap_or_else(|| Part { name, html: Arc::from(html) })
        };
        Frame { made: Instant::now(), parts: rendered(view).into_iter().map(part).collect() }
    }

    /// Whether this very text is in the frame.
    pub(crate) fn has(&self, part: &Part) -> bool {
        self.part(part.name).is_some_and(|own| Arc::ptr_eq(&own.html, &part.html))
    }

    /// The text of a part; empty when there is none of that name.
    pub(crate) fn html(&self, name: &str) -> &str {
        self.part(name).map_or("", |part| &part.html)
    }

    fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }
}

/// The live loop as a whole page.
#[derive(Template)]
#[template(path = "live_loop.html")]
pub(crate) struct LivePage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) frame: &'a Frame,
}

/// The search for messages and what it found.
#[derive(Template)]
#[template(path = "find.html")]
pub(crate) struct FindPage<'a> {
    pub(crate) shell: &'a Shell,
    /// Whether messages may be sent again.
    pub(crate) can_replay: bool,
    /// The search as the query of an address, without the page.
    pub(crate) query: String,
    pub(crate) asked: &'a Asked,
    pub(crate) rows: &'a [FoundRow],
    /// The address of the next page.
    pub(crate) next: Option<String>,
    pub(crate) error: Option<&'a str>,
}

/// The life of one message.
#[derive(Template)]
#[template(path = "trace.html")]
pub(crate) struct TracePage<'a> {
    pub(crate) shell: &'a Shell,
    /// Whether it may be mended and acted on again.
    pub(crate) can_replay: bool,
    pub(crate) life: &'a LifeView,
    pub(crate) error: Option<&'a str>,
}

/// The form that asks for a key.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage<'a> {
    pub(crate) site: &'a str,
    pub(crate) error: Option<&'a str>,
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "notice.html")]
pub(crate) struct NoticePage<'a> {
    pub(crate) site: &'a str,
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
}

/// A form that acts once was sent again with other words.
#[derive(Template)]
#[template(path = "sent_already.html")]
pub(crate) struct SentAlreadyPage<'a> {
    pub(crate) site: &'a str,
    /// Where what was entered is seen.
    pub(crate) entered: &'a str,
}

/// Renders a template. These are checked when the program is built, and writing to memory does
/// not fail, so that there is nothing to tell the caller.
pub(crate) fn html(template: &impl Template) -> String {
    template.render().expect("a template that was compiled writes to memory")
}

#[cfg(test)]
mod tests;
