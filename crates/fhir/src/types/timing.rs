//! When something is to happen, once or again and again.

use crate::element::{codes, element};
use crate::primitives::{DateTime, Decimal, Time};

use super::{CodeableConcept, Period, Quantity, Range};

codes! {
    /// A unit of time (R4 units-of-time, which are UCUM codes).
    pub enum UnitOfTime {
        /// Second.
        Second = "s",
        /// Minute.
        Minute = "min",
        /// Hour.
        Hour = "h",
        /// Day.
        Day = "d",
        /// Week.
        Week = "wk",
        /// Month.
        Month = "mo",
        /// Year.
        Year = "a",
    }
}

codes! {
    /// A day of the week (R4 days-of-week).
    pub enum DayOfWeek {
        /// Monday.
        Monday = "mon",
        /// Tuesday.
        Tuesday = "tue",
        /// Wednesday.
        Wednesday = "wed",
        /// Thursday.
        Thursday = "thu",
        /// Friday.
        Friday = "fri",
        /// Saturday.
        Saturday = "sat",
        /// Sunday.
        Sunday = "sun",
    }
}

codes! {
    /// A regular event of the day (R4 event-timing).
    pub enum EventTiming {
        /// In the morning.
        Morning = "MORN",
        /// Early in the morning.
        EarlyMorning = "MORN.early",
        /// Late in the morning.
        LateMorning = "MORN.late",
        /// At noon.
        Noon = "NOON",
        /// In the afternoon.
        Afternoon = "AFT",
        /// Early in the afternoon.
        EarlyAfternoon = "AFT.early",
        /// Late in the afternoon.
        LateAfternoon = "AFT.late",
        /// In the evening.
        Evening = "EVE",
        /// Early in the evening.
        EarlyEvening = "EVE.early",
        /// Late in the evening.
        LateEvening = "EVE.late",
        /// At night.
        Night = "NIGHT",
        /// After going to sleep.
        AfterSleep = "PHS",
        /// Before sleep.
        BeforeSleep = "HS",
        /// On waking.
        Waking = "WAKE",
        /// At a meal.
        Meal = "C",
        /// At breakfast.
        Breakfast = "CM",
        /// At lunch.
        Lunch = "CD",
        /// At dinner.
        Dinner = "CV",
        /// Before a meal.
        BeforeMeal = "AC",
        /// Before breakfast.
        BeforeBreakfast = "ACM",
        /// Before lunch.
        BeforeLunch = "ACD",
        /// Before dinner.
        BeforeDinner = "ACV",
        /// After a meal.
        AfterMeal = "PC",
        /// After breakfast.
        AfterBreakfast = "PCM",
        /// After lunch.
        AfterLunch = "PCD",
        /// After dinner.
        AfterDinner = "PCV",
    }
}

element! {
    /// How something repeats (R4 Timing.repeat).
    pub struct Repeat {
        /// For how long, as a length of time.
        bounds_duration: Option<Quantity>,
        /// For how long, as a range of lengths.
        bounds_range: Option<Range>,
        /// From when to when.
        bounds_period: Option<Period>,
        /// How many times in all.
        count: Option<u32>,
        /// How many times at most.
        count_max: Option<u32>,
        /// How long each time lasts.
        duration: Option<Decimal>,
        /// How long each time lasts at most.
        duration_max: Option<Decimal>,
        /// The unit of `duration`.
        duration_unit: Option<UnitOfTime>,
        /// How many times in each period.
        frequency: Option<u32>,
        /// How many times in each period at most.
        frequency_max: Option<u32>,
        /// How long a period is.
        period: Option<Decimal>,
        /// How long a period is at most.
        period_max: Option<Decimal>,
        /// The unit of `period`.
        period_unit: Option<UnitOfTime>,
        /// On which days.
        day_of_week: Vec<DayOfWeek>,
        /// At which times of the day.
        time_of_day: Vec<Time>,
        /// At which events of the day.
        when: Vec<EventTiming>,
        /// Minutes from the event.
        offset: Option<u32>,
    }
}

element! {
    /// When something is to happen (R4 Timing).
    pub struct Timing {
        /// At these times.
        event: Vec<DateTime>,
        /// By this pattern.
        repeat: Option<Repeat>,
        /// By a named pattern, such as BD.
        code: Option<CodeableConcept>,
    }
}
