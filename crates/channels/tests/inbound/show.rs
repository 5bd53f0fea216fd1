//! A request as JSON, for snapshots.

use channels::inbound::{Understood, answer};
use medicines::filing::Sheet;
use medicines::orders::OrderMessage;
use medicines::{Answer, Request};
use serde_json::{Value, json};

/// All that is known of a message, with the acknowledgement that it gets.
pub(crate) fn show(understood: &Understood) -> String {
    let outcome = match &understood.request {
        Request::Park(problem) => Answer::Parked(problem.clone()),
        _ => Answer::Done,
    };
    let at = "2026-11-20T10:15:00Z".parse().expect("a time");
    let ack = answer(&understood.reply_to, &outcome, 1042, at);
    let ack = ack.map(|ack| String::from_utf8_lossy(&ack).into_owned());
    let all = json!({
        "key": understood.key,
        "type": understood.message_type,
        "by": understood.by,
        "request": request(&understood.request),
        "doubts": understood.doubts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "ack": ack.map(|ack| ack.split_terminator('\r').map(str::to_owned).collect::<Vec<_>>()),
    });
    serde_json::to_string_pretty(&all).expect("JSON")
}

fn request(request: &Request) -> Value {
    match request {
        Request::Unmapped { codes, request: asked } => json!({
            "codes": codes.iter().map(|c| json!([c.table, c.code])).collect::<Vec<_>>(),
            "request": self::request(asked),
        }),
        Request::Patient(told) => json!({ "patient": {
            "event": told.event,
            "patient": told.patient,
            "deleted": told.deleted,
            "encounter": told.encounter,
            "ward": told.ward,
            "allergies": told.allergies,
            "activity": told.activity.to_string(),
        }}),
        Request::Swap(both) => {
            json!({ "swap": both.iter().map(|one| {
                json!({ "patient": one.patient, "encounter": one.encounter, "ward": one.ward })
            }).collect::<Vec<_>>() })
        }
        Request::Renumber(told) => json!({ "renumber": { "new": told.new, "old": told.old } }),
        Request::Allergies(told) => json!({ "allergies": {
            "patient": told.patient,
            "changes": told.changes.iter().map(|(action, allergy)| {
                json!({ "action": format!("{action:?}"), "allergy": allergy })
            }).collect::<Vec<_>>(),
        }}),
        Request::Merge(told) => json!({ "merge": {
            "survivor": told.survivor,
            "merged": told.merged,
            "activity": told.activity.to_string(),
        }}),
        Request::Orders(orders) => {
            json!({ "orders": orders.iter().map(order).collect::<Vec<_>>() })
        }
        Request::Transaction(told) => json!({ "transaction": told }),
        Request::Administer(doses) => {
            let dose = |dose: &medicines::bedside::Administration| {
                json!({
                    "patient": dose.patient,
                    "order": dose.order,
                    "item": dose.item,
                    "quantity": dose.quantity.to_string(),
                    "status": dose.status,
                    "reason": dose.reason,
                    "performer": dose.performer,
                    "witness": dose.witness,
                    "activity": dose.activity.to_string(),
                })
            };
            json!({ "administer": doses.iter().map(dose).collect::<Vec<_>>() })
        }
        Request::File(filing) => json!({ "file": {
            "patient": filing.patient,
            "introduces": filing.introduces,
            "visit": filing.visit,
            "told": filing.told.map(|told| told.to_string()),
            "sheets": filing.sheets.iter().map(sheet).collect::<Vec<_>>(),
        }}),
        Request::Keep(keep) => json!({ "keep": { "patient": keep.patient, "why": keep.why } }),
        Request::Forward(message) => json!({
            "forward": message.to, "request": self::request(&message.request),
        }),
        Request::Park(problem) => json!({ "park": problem }),
        other => json!({ "unexpected": format!("{other:?}") }),
    }
}

fn sheet(sheet: &Sheet) -> Value {
    json!({
        "number": sheet.number,
        "how": format!("{:?}", sheet.how),
        "content": serde_json::from_str::<Value>(&sheet.content.to_json()).expect("JSON"),
    })
}

fn order(order: &OrderMessage) -> Value {
    json!({
        "control": order.control,
        "placer": order.placer,
        "replaces": order.replaces,
        "patient": order.patient,
        "order": order.order,
        "verified_by": order.verified_by,
        "activity": order.activity.to_string(),
        "index": order.index,
    })
}
