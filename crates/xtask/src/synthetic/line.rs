//! One line of the list of medicines.

use rust_decimal::Decimal;

/// A substance in one form.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) substance: &'a str,
    pub(super) ingredients: Vec<&'a str>,
    pub(super) form: &'a str,
    pub(super) routes: Vec<&'a str>,
    pub(super) unit: &'a str,
    /// For each product, one strength for each ingredient.
    pub(super) strengths: Vec<Vec<Strength>>,
    pub(super) packs: Vec<&'a str>,
    pub(super) schedule: u8,
    pub(super) status: u8,
}

/// An amount of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) amount: Decimal,
    pub(super) unit: String,
}

/// How much is in it: in a piece, or in each `per` of what is measured out or of a piece that
/// holds `size`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strength {
    pub(super) amount: Measure,
    pub(super) per: Option<Measure>,
    pub(super) size: Option<Measure>,
}

impl<'a> Line<'a> {
    pub(super) fn read(line: &'a str) -> Result<Self, String> {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, form, routes, unit, strengths, packs, schedule, status] = columns[..] else {
            return Err(format!("{} columns instead of eight", columns.len()));
        };
        let (substance, ingredients) = name.split_once('=').unwrap_or((name, name));
        let code = |text: &str, otherwise| {
            if text.is_empty() { Ok(otherwise) } else { text.parse().map_err(|_| text.to_owned()) }
        };
        let strengths =
            strengths.split(',').map(|one| one.split('&').map(Strength::read).collect());
        Ok(Self {
            substance,
            ingredients: if ingredients == name {
                vec![name]
            } else {
                ingredients.split('+').map(str::trim).collect()
            },
            form,
            routes: routes.split(',').map(str::trim).collect(),
            unit,
            strengths: strengths.collect::<Result<_, String>>()?,
            packs: packs.split(',').map(str::trim).collect(),
            schedule: code(schedule, 0)?,
            status: code(status, 1)?,
        })
    }

    /// Whether doses are measured out by volume or weight, or by the puff.
    pub(super) fn is_continuous(&self) -> bool {
        matches!(self.unit, "ml" | "gram" | "dose")
    }

    /// The name of a product: what dm+d calls one, in its usual order.
    pub(super) fn product(&self, strengths: &[Strength]) -> String {
        let strength: Vec<String> = strengths.iter().map(Strength::written).collect();
        format!("{} {} {}", self.substance, strength.join("/"), self.form)
    }
}

impl Measure {
    fn read(text: &str) -> Result<Self, String> {
        let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (amount, unit) = text.split_at(digits);
        let amount = Decimal::from_str_exact(amount).map_err(|error| format!("{text}: {error}"))?;
        if unit.is_empty() || amount.is_zero() {
            return Err(format!("{text} is no amount"));
        }
        Ok(Self { amount, unit: unit.to_owned() })
    }
}

impl Strength {
    fn read(text: &str) -> Result<Self, String> {
        let (strength, size) = match text.trim().split_once('*') {
            None => (text.trim(), None),
            Some((strength, size)) => (strength, Some(Measure::read(size)?)),
        };
        let (amount, per) = match strength.split_once('/') {
            None => (strength, None),
            Some((amount, per)) => (amount, Some(Measure::read(per)?)),
        };
        let same = per.as_ref().map(|per| &per.unit) == size.as_ref().map(|size| &size.unit);
        if size.is_some() && !same {
            return Err(format!("{text}: the size has another unit"));
        }
        Ok(Self { amount: Measure::read(amount)?, per, size })
    }

    /// The amount in one of `per`, as dm+d has it: 24 mg in 1 ml for 120 mg in 5 ml.
    pub(super) fn per_one(&self) -> Measure {
        let per = self.per.as_ref().map_or(Decimal::ONE, |per| per.amount);
        let amount = (self.amount.amount / per).normalize();
        Measure { amount, unit: self.amount.unit.clone() }
    }

    /// As it stands in a name: what is in the whole piece, or in what is measured out.
    fn written(&self) -> String {
        match (&self.per, &self.size) {
            (Some(per), _) if matches!(per.unit.as_str(), "hour" | "dose") => {
                format!("{}/{}", super::written(&self.amount), per.unit)
            }
            (Some(_), Some(size)) => {
                let one = self.per_one();
                let amount = (one.amount * size.amount).normalize();
                let whole = Measure { amount, unit: one.unit };
                format!("{}/{}", super::written(&whole), super::written(size))
            }
            (Some(per), None) => {
                format!("{}/{}", super::written(&self.amount), super::written(per))
            }
            (None, _) => super::written(&self.amount),
        }
    }
}
