//! Discrepancies that are explained by what is told late.

use super::*;

/// A count at the cabinet finds one ampoule less than it should; gives the discrepancy, and the
/// removal that was not told and explains it.
fn short_by_one(hospital: &mut Hospital) -> (Id, medicines::cabinet::Transaction) {
    hospital.order_for(ANNA, Control::New, "7100", MORPHINE, Some("P1"));
    let morphine = Coded { code: MORPHINE.into(), text: String::new() };
    let witness = Some(Staff { id: "N2".into(), name: String::new() });
    let at = |code, hospital: &Hospital, units: i64| {
        let mut told = transaction(code, hospital.now, units);
        (told.item, told.unit, told.witness) = (morphine.clone(), None, witness.clone());
        told
    };
    let mut count = at(TransactionCode::Count, hospital, 0);
    (count.actual, count.expected) = (Some(30.into()), Some(30.into()));
    hospital.transact(count);
    hospital.now += SignedDuration::from_mins(10);
    let mut vend = at(TransactionCode::Vend, hospital, 1);
    vend.order = Some(fhir::types::Identifier::of(ORDER, "7100"));
    hospital.now += SignedDuration::from_mins(10);
    let mut count = at(TransactionCode::Count, hospital, 0);
    (count.actual, count.expected) = (Some(29.into()), Some(29.into()));
    hospital.transact(count);
    let differs =
        hospital.state.open_cases().find(|case| case.kind == CaseKind::Discrepancy).unwrap();
    (differs.id.clone(), vend)
}

/// The steps of a discrepancy.
fn steps(hospital: &Hospital, of: &Id) -> Vec<(DiscrepancyStatus, String, Option<String>)> {
    let steps = hospital.facts.iter().filter_map(|fact| match fact {
        Fact::Controlled(fact) => match &**fact {
            ControlledFact::Stepped(step) if step.discrepancy.id == *of => {
                Some((step.discrepancy.status, step.by.clone(), step.text.clone()))
            }
            _ => None,
        },
        _ => None,
    });
    steps.collect()
}

#[test]
fn a_movement_that_is_told_late_explains_a_discrepancy_with_a_step() {
    use DiscrepancyStatus as S;

    let mut hospital = hospital();
    let (id, vend) = short_by_one(&mut hospital);
    hospital.transact(vend);
    assert!(hospital.state.discrepancy(&id).is_none());
    let word = |status, text: Option<&str>| (status, "interlock".into(), text.map(str::to_owned));
    let expected = [word(S::Open, None), word(S::Resolved, Some("explained"))];
    assert_eq!(steps(&hospital, &id), expected);
}

#[test]
fn what_is_with_the_accountable_officer_stays_there_until_the_officers_word() {
    use DiscrepancyStatus as S;

    let mut hospital = hospital();
    let (id, vend) = short_by_one(&mut hospital);
    let step = |to: S| {
        let (discrepancy, by) = (id.clone(), "P1".to_owned());
        ControlledAct::Step(Step { discrepancy, to, by, text: Some("it is one ampoule".into()) })
    };
    tell(&mut hospital, step(S::Escalated)).unwrap();
    hospital.transact(vend);
    let escalated = (CaseKind::ControlledDrug, "discrepancy-escalated".to_owned());
    let open = hospital.open_cases();
    assert!(open.contains(&escalated), "{open:?}");
    assert!(open.iter().all(|(kind, _)| *kind != CaseKind::Discrepancy), "{open:?}");
    let mut hospital = hospital.restarted();
    assert_eq!(hospital.state.discrepancy(&id).unwrap().status, S::Escalated);
    refused(tell(&mut hospital, step(S::Closed)), "accountable officer");
    let (discrepancy, by) = (id.clone(), "G1".to_owned());
    let word = Step { discrepancy, to: S::Closed, by, text: Some("told late".into()) };
    tell(&mut hospital, ControlledAct::Step(word)).unwrap();
    assert!(hospital.state.discrepancy(&id).is_none());
    assert!(!hospital.open_cases().contains(&escalated));
    let found = steps(&hospital, &id);
    let found: Vec<_> = found.iter().map(|(to, by, text)| (*to, &**by, text.as_deref())).collect();
    let expected = [
        (S::Open, "interlock", None),
        (S::Escalated, "P1", Some("it is one ampoule")),
        (S::Escalated, "interlock", Some("explained")),
        (S::Closed, "G1", Some("told late")),
    ];
    assert_eq!(found, expected);
    let closed = hospital.facts.iter().filter(|fact| match fact {
        Fact::CaseClosed(closed) => closed.id == id,
        _ => false,
    });
    assert_eq!(closed.count(), 1, "a case closes once");
}
