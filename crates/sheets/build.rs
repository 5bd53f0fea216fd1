//! Has the crate built anew when the font that it embeds changes.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A folder that is not there yet has no time of change, and cargo would build the crate anew
    // each time. Its parent is always there, and changes when the folder comes.
    let print = "../../assets/print";
    let watched = if std::path::Path::new(print).exists() { print } else { "../../assets" };
    println!("cargo::rerun-if-changed={watched}");
}
