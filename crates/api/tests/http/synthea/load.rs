//! Loading bundles as transactions, and what should then be stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::world::{Resource, World};
use crate::corpus::{as_transaction, begin, files, searched, text_of};
use crate::harness::{ALL, Node};

/// The bundles of the suite: two small patients of each set, one of them with conditional
/// references to staff.
const BUNDLES: usize = 4;

/// The bundles, the smallest first, as many as are asked for.
fn bundles(folder: &Path) -> Vec<PathBuf> {
    let wanted = std::env::var("INTERLOCK_SEARCH_BUNDLES").unwrap_or_default();
    let each = match wanted.as_str() {
        "all" => usize::MAX,
        number => number.parse().unwrap_or(BUNDLES).div_ceil(2),
    };
    let mut all = Vec::new();
    for part in ["bundles-pathling", "bundles-google-hiv"] {
        let mut found = files(&folder.join(part), "gz");
        let is_patient = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            !name.starts_with("hospital") && !name.starts_with("practitioner")
        };
        found.retain(|path| each == usize::MAX || is_patient(path));
        // Staff and organisations first: the others refer to them by their numbers.
        found.sort_by_key(|path| (is_patient(path), path.metadata().unwrap().len()));
        all.extend(found.into_iter().take(each));
    }
    all
}

/// A node with the bundles in it, and what should be in it.
pub(super) async fn load(folder: &Path) -> (Node, World) {
    let node = Node::start_with(|server| server, None).await;
    let mut all = Vec::new();
    let mut by_number = HashMap::new();
    for path in bundles(folder) {
        let mut bundle: Value = serde_json::from_str(&text_of(&path)).unwrap();
        as_transaction(&mut bundle);
        for number in searched(&bundle) {
            first(&node, &number, &mut by_number, &mut all).await;
        }
        let reply = node.fhir("POST", "/fhir", "", &bundle.to_string()).await;
        let cut = &reply.body[..reply.body.floor_char_boundary(400)];
        assert_eq!(reply.status, 200, "{}: {cut}", path.display());
        stored(&bundle, &reply.json(), &by_number, &mut all);
    }
    let world = World::new(all);
    counts_are_those_of(&node, &world).await;
    (node, world)
}

/// Creates what is referred to by its number and not in any bundle.
async fn first(
    node: &Node,
    number: &(String, String),
    by_number: &mut HashMap<String, String>,
    all: &mut Vec<Resource>,
) {
    let (kind, search) = number;
    let address = format!("{kind}?identifier={search}");
    if by_number.contains_key(&address) {
        return;
    }
    let created = begin(node, number).await;
    let path = format!("/fhir/{kind}?identifier={}", search.replace('|', "%7C"));
    let found = node.get(ALL, &path).await.json();
    let resource = &found["entry"][0]["resource"];
    let id = resource["id"].as_str().unwrap().to_owned();
    by_number.insert(address, format!("{kind}/{id}"));
    if created == 1 {
        let (system, value) = search.split_once('|').unwrap();
        let identifier = json!([{ "system": system, "value": value }]);
        let json = json!({ "resourceType": kind, "identifier": identifier }).to_string();
        all.push(Resource { kind: kind.clone(), id, json });
    }
}

/// What a bundle creates: its resources with the ids that they got, and references to these.
fn stored(
    bundle: &Value,
    answer: &Value,
    by_number: &HashMap<String, String>,
    all: &mut Vec<Resource>,
) {
    let entries = bundle["entry"].as_array().unwrap();
    let answers = answer["entry"].as_array().unwrap();
    let mut links = by_number.clone();
    for (entry, answer) in entries.iter().zip(answers) {
        let location = answer["response"]["location"].as_str().unwrap();
        let location = location.rsplit_once("/fhir/").map_or(location, |(_, rest)| rest);
        let reference = location.split("/_history").next().unwrap();
        links.insert(entry["fullUrl"].as_str().unwrap().to_owned(), reference.to_owned());
    }
    for (entry, answer) in entries.iter().zip(answers) {
        // What is there already by its number is not created again.
        if answer["response"]["status"] != "201 Created" {
            continue;
        }
        let reference = &links[entry["fullUrl"].as_str().unwrap()];
        let (kind, id) = reference.split_once('/').unwrap();
        let mut resource = entry["resource"].clone();
        resource["id"] = id.into();
        relink(&mut resource, &links);
        all.push(Resource { kind: kind.to_owned(), id: id.to_owned(), json: resource.to_string() });
    }
}

fn relink(value: &mut Value, links: &HashMap<String, String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("reference")
                && let Some(link) = links.get(reference)
            {
                reference.clone_from(link);
            }
            members.values_mut().for_each(|value| relink(value, links));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| relink(value, links)),
        _ => {}
    }
}

/// The server counts as many of each type, has each as it was sent, and shows to each patient
/// all that is about them.
async fn counts_are_those_of(node: &Node, world: &World) {
    for (kind, expected) in world.counts() {
        let found = node.get(ALL, &format!("/fhir/{kind}?_summary=count")).await;
        assert_eq!(found.json()["total"], expected as u64, "{kind}");
    }
    for at in (0..world.all.len()).step_by(37) {
        let one = &world.all[at];
        let mut found = node.get(ALL, &format!("/fhir/{}", one.reference())).await.json();
        let mut sent: Value = serde_json::from_str(&one.json).unwrap();
        for json in [&mut found, &mut sent] {
            let meta = json["meta"].as_object_mut();
            if let Some(meta) = meta {
                meta.remove("versionId");
                meta.remove("lastUpdated");
                if meta.is_empty() {
                    json.as_object_mut().unwrap().remove("meta");
                }
            } else {
                json.as_object_mut().unwrap().remove("meta");
            }
        }
        let sorted = |json: &Value| fhir::json::canonical(&json.to_string()).unwrap();
        assert_eq!(sorted(&found), sorted(&sent));
    }
    for patient in world.of_kind("Patient") {
        everything_is_shown(node, world, patient).await;
    }
}

/// All of a patient's compartment, and what that refers to.
async fn everything_is_shown(node: &Node, world: &World, patient: usize) {
    let mut expected = BTreeSet::from([patient]);
    for (kind, codes) in fhir_definitions::patient_compartment() {
        for code in codes {
            let Some(parameter) = super::world::parameter(kind, code) else { continue };
            for (at, values) in world.column(kind, parameter).iter() {
                if values.iter().any(|value| world.target(value) == Some(patient)) {
                    expected.insert(*at);
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    let reference = world.all[patient].reference();
    let mut next = Some(format!("/fhir/{reference}/$everything?_count=500"));
    while let Some(path) = next {
        let page = node.get(ALL, &path).await.json();
        for entry in page["entry"].as_array().into_iter().flatten() {
            let (kind, id) = (&entry["resource"]["resourceType"], &entry["resource"]["id"]);
            let name = format!("{}/{}", kind.as_str().unwrap(), id.as_str().unwrap());
            let at = world.at(&name).unwrap_or_else(|| panic!("{name} was never stored"));
            found.insert(at, entry["search"]["mode"].as_str().unwrap().to_owned());
        }
        let links = page["link"].as_array().unwrap();
        let link = links.iter().find(|link| link["relation"] == "next");
        let url = link.map(|link| link["url"].as_str().unwrap().to_owned());
        next = url.map(|url| url[url.find("/fhir/").unwrap()..].to_owned());
    }
    let own = found.iter().filter(|(_, mode)| *mode == "match").map(|(at, _)| *at);
    let own: BTreeSet<usize> = own.collect();
    let name = |set: &mut dyn Iterator<Item = &usize>| {
        set.take(5).map(|at| world.all[*at].reference()).collect::<Vec<_>>()
    };
    assert!(
        own == expected,
        "{reference}: missing {:?}, too much {:?}",
        name(&mut expected.difference(&own)),
        name(&mut own.difference(&expected))
    );
}
