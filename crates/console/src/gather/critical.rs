//! The critical override: whether it runs, and when it ran.

use medicines::Site;
use medicines::cabinet::CriticalSpan;
use record::Reader;

use super::{Trouble, staff};
use crate::view::{CriticalView, SpanView};

/// The critical override that runs.
pub(crate) fn running(reader: &Reader) -> Result<Option<CriticalView>, Trouble> {
    let Some(span) = reader.critical_override()?.pop().filter(|span| span.until.is_none()) else {
        return Ok(None);
    };
    let CriticalSpan { since, by, reason, .. } = span;
    Ok(Some(CriticalView { since, by: staff(&reader.site()?, &by), reason }))
}

/// When it ran, the newest span first.
pub(crate) fn spans(reader: &Reader) -> Result<Vec<SpanView>, Trouble> {
    let site = reader.site()?;
    Ok(reader.critical_override()?.into_iter().rev().map(|span| view(&site, span)).collect())
}

fn view(site: &Site, span: CriticalSpan) -> SpanView {
    let CriticalSpan { since, by, reason, until, ended_by } = span;
    let ended = until.map(|until| (until, staff(site, &ended_by.unwrap_or_default())));
    SpanView { since, by: staff(site, &by), reason, ended }
}
