//! The pages of the registers a part at a time: those of a place, those after one of them, and the
//! places that have any.

use medicines::controlled::Place;

use super::registers::PAGE_SQL;
use super::{Reader, RegisterPage, limited};
use crate::Error;

/// The most pages of registers in one answer.
pub const MAX_PAGES: usize = 500;
/// The most places in one answer.
pub const MAX_PLACES: usize = 1_000;

/// Prefixes of places that name a patient. There are as many of them as patients who ever brought
/// medicines along, so that no list has them all.
const OF_PATIENTS: [&str; 2] = ["own:", "take-home:"];

impl Reader {
    /// The pages of the registers in the order of the places and items: of one place or of all,
    /// after the page of a place and an item where one is given; at most [`MAX_PAGES`].
    pub fn registers_after(
        &self,
        place: Option<&Place>,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<RegisterPage>, Error> {
        let snapshot = self.snapshot()?;
        let of = place.map(Place::to_string);
        let narrowed = if of.is_some() { "p.place = ?3" } else { "?3 IS NULL" };
        let sql = format!(
            "{PAGE_SQL} WHERE {narrowed} AND (p.place, p.item) > (?1, ?2) \
             ORDER BY p.place, p.item LIMIT ?4"
        );
        let (site, classes) = (self.site()?, self.classes()?);
        let (from, item) = after.unwrap_or_default();
        let mut statement = snapshot.prepare_cached(&sql)?;
        let mut rows = statement.query((from, item, of, limited(limit, MAX_PAGES)))?;
        let mut pages = Vec::new();
        while let Some(row) = rows.next()? {
            pages.push(self.page(row, &site, &classes)?);
        }
        Ok(pages)
    }

    /// The page of a place and an item; none where nothing of it was ever there.
    pub fn register_page(&self, place: &Place, item: &str) -> Result<Option<RegisterPage>, Error> {
        let snapshot = self.snapshot()?;
        let sql = format!("{PAGE_SQL} WHERE p.place = ?1 AND p.item = ?2");
        let (site, classes) = (self.site()?, self.classes()?);
        let mut statement = snapshot.prepare_cached(&sql)?;
        let mut rows = statement.query((place.to_string(), item))?;
        rows.next()?.map(|row| self.page(row, &site, &classes)).transpose()
    }

    /// The places that have pages, in the order of their names, but for those of single patients;
    /// at most [`MAX_PLACES`].
    pub fn register_places(&self) -> Result<Vec<Place>, Error> {
        let snapshot = self.snapshot()?;
        // From one place to the next by the index, however many items each of them has.
        let mut next =
            snapshot.prepare_cached("SELECT min(place) FROM register_page WHERE place > ?1")?;
        let (mut places, mut after) = (Vec::new(), String::new());
        while places.len() < MAX_PLACES {
            let Some(place) = next.query_row([&after], |row| row.get::<_, Option<String>>(0))?
            else {
                break;
            };
            let of_patient = OF_PATIENTS.into_iter().find(|prefix| place.starts_with(prefix));
            after = if let Some(prefix) = of_patient {
                // The character after the colon is the first that no such place goes on with.
                format!("{};", prefix.trim_end_matches(':'))
            } else {
                let known = place.parse();
                places.push(known.map_err(|_| Error::Corrupt("a place of a register".into()))?);
                place
            };
        }
        Ok(places)
    }
}
