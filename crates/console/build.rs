//! Has the crate built anew when the style sheet and the pictures that it embeds change.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A folder that is not there yet has no time of change, and cargo would build the crate anew
    // each time. Its parent is always there, and changes when the folder comes.
    let dist = "../../assets/dist";
    let watched = if std::path::Path::new(dist).exists() { dist } else { "../../assets" };
    println!("cargo::rerun-if-changed={watched}");
}
