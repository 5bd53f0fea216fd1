//! The made-up release of dm+d in the tree is what its list makes.

#[test]
fn the_files_are_those_of_the_list() {
    let folder = xtask::workspace_root().join("crates/terminology/synthetic");
    let made = xtask::synthetic::make(&folder).expect("the list can be read");
    for (name, text) in &made {
        let kept = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(kept == *text, "{name} is out of date: run `cargo xtask synthetic`");
    }
    let shipped: Vec<&str> = terminology::synthetic::FILES.iter().map(|file| file.0).collect();
    assert!(made.keys().all(|name| shipped.contains(&name.as_str())), "{shipped:?}");
}
