//! The README says nothing that the manifest or the crate contradicts.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::path::Path;

use heysync::sandbox::{self, TestClock};
use heysync::{Config, heylerts};

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The lines of a section, from the one after its heading to the next heading of that level.
fn section<'a>(text: &'a str, heading: &str, level: &str) -> Vec<&'a str> {
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| !line.starts_with(level)).collect()
}

/// The cells of a table's rows, without its head.
fn rows<'a>(lines: &[&'a str]) -> Vec<Vec<&'a str>> {
    let rows = lines.iter().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_features_and_their_defaults_are_those_of_the_manifest() {
    let (readme, manifest) = (file("README.md"), file("Cargo.toml"));
    let mut features: Vec<(&str, &str)> = section(&manifest, "[features]", "[")
        .iter()
        .filter_map(|line| line.split_once(" = "))
        .filter(|(name, _)| !name.starts_with('#'))
        .collect();
    let default = features.remove(0);
    assert_eq!(default.0, "default");
    let mut expected: Vec<(String, bool)> = features
        .iter()
        .map(|(name, _)| (format!("`{name}`"), default.1.contains(&format!("\"{name}\""))))
        .collect();
    let readme = rows(&section(&readme, "## Features", "## "));
    let mut listed: Vec<(String, bool)> =
        readme.iter().map(|row| (row[0].to_owned(), row[1] == "yes")).collect();
    expected.sort();
    listed.sort();
    assert_eq!(listed, expected);
}

#[test]
fn the_minimum_rust_version_is_that_of_the_manifest() {
    let manifest = file("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    let readme = file("README.md");
    let stated = section(&readme, "## Minimum Rust version", "## ").join(" ");
    assert!(stated.trim().starts_with(&format!("{}.", version.trim_matches('"'))), "{stated}");
}

#[test]
fn every_example_is_listed() {
    let examples = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap();
    let mut names: Vec<String> = examples
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| Some(format!("`{}`", name.strip_suffix(".rs")?)))
        .collect();
    let readme = file("README.md");
    let listed = rows(&section(&readme, "## Examples", "## "));
    let mut listed: Vec<String> = listed.iter().map(|row| row[0].to_owned()).collect();
    names.sort();
    listed.sort();
    assert_eq!(listed, names);
}

#[test]
fn main_prints_the_report_that_is_shown() {
    let service = sandbox::Heylerts::demo();
    service.change(|state| state.keys.push("hlt_other_key".to_owned()));
    let config = Config::new().transport(service).clock(TestClock::new());
    let client = heylerts::Client::with_config("hlt_key", config).unwrap();
    let printed = format!("Error: {:?}\n", client.hello().unwrap_err());
    assert!(file("README.md").contains(&printed), "{printed}");
}
