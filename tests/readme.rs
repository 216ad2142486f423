//! The README, and the table of tests, say nothing that the manifest or the crate contradicts.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::path::Path;

use heysync::sandbox::{self, TestClock};
use heysync::{Config, heylerts, heylo};

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

/// The text of all Rust files in a folder.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(extension) if extension == "rs" => fs::read_to_string(path).unwrap(),
        _ => String::new(),
    };
    entries.map(text).collect()
}

/// The tests that a text names of which there is none whose name begins so, and goes on with `end`.
fn missing(text: &str, end: &str, least: usize) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = [sources(&root.join("src")), sources(&root.join("tests"))].concat();
    let is_test = |word: &&str| {
        word.len() > 15 && word.bytes().all(|it| it == b'_' || it.is_ascii_lowercase())
    };
    // Every second part is between backticks.
    let names: Vec<&str> = text.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(names.len() > least);
    let is_missing = |name: &&str| !sources.contains(&format!("fn {name}{end}"));
    names.into_iter().filter(is_missing).map(str::to_owned).collect()
}

#[test]
fn the_tests_that_the_table_of_tests_names_exist() {
    assert_eq!(missing(&file("tests/README.md"), "(", 100), [""; 0]);
}

#[test]
fn the_tests_that_the_page_of_the_benchmarks_names_exist() {
    // A published crate has no benchmarks.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/README.md");
    if let Ok(text) = fs::read_to_string(path) {
        assert_eq!(missing(&text, "", 30), [""; 0]);
    }
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
fn the_program_for_heylo_names_people_of_the_invented_data() {
    let readme = file("README.md");
    let listed = readme.split_once("set_members([").unwrap().1.split_once(']').unwrap().0;
    let people = listed.split(", ").map(|id| id.trim_matches('"'));
    let config = Config::new().transport(sandbox::Heylo::demo()).clock(TestClock::new());
    let community = heylo::Client::with_config("key", config).unwrap().community("harbour-runners");
    let change = community.role("captains").set_members(people).unwrap();
    assert!(change.ignored.is_empty(), "{change}");
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
fn every_program_is_listed() {
    let programs =
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/programs/src/bin"));
    // They are a package of their own, and not in the package of the library.
    let Ok(programs) = programs else { return };
    let mut names: Vec<String> = programs
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| Some(format!("`{}`", name.strip_suffix(".rs")?)))
        .collect();
    let readme = file("README.md");
    let listed = rows(&section(&readme, "## Programs", "## "));
    let mut listed: Vec<String> = listed.iter().map(|row| row[0].to_owned()).collect();
    names.sort();
    listed.sort();
    assert_eq!(listed, names);
}

#[test]
fn every_guarantee_names_the_files_that_test_it() {
    let readme = file("README.md");
    let guarantees = rows(&section(&readme, "## What it guarantees", "## "));
    assert!(guarantees.len() >= 10);
    for guarantee in guarantees {
        for name in guarantee[2].split(", ") {
            let tests = file(name.trim_matches('`'));
            assert!(tests.contains("#[test]"), "{name}");
        }
    }
}

#[test]
fn the_front_page_links_every_chapter_and_every_example() {
    let (front, guide, readme) = (file("src/lib.rs"), file("src/guide/mod.rs"), file("README.md"));
    let chapters: Vec<&str> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(" {}"))
        .collect();
    assert!(readme.contains("a guide of thirteen chapters"));
    assert_eq!(chapters.len(), 13);
    for chapter in chapters {
        assert!(front.contains(&format!("](guide::{chapter})")), "{chapter}");
        assert!(guide.contains(&format!("]({chapter})")), "{chapter}");
    }
    for example in rows(&section(&readme, "## Examples", "## ")) {
        let example = example[0].trim_matches('`');
        assert!(front.contains(&format!("/source/examples/{example}.rs")), "{example}");
    }
    for program in rows(&section(&readme, "## Programs", "## ")) {
        assert!(front.contains(program[0]), "{}", program[0]);
    }
}

#[test]
fn links_to_features_lead_to_docs_rs_where_the_feature_is_off() {
    let labels = |name: &str| -> Vec<String> {
        let links = file(name);
        links.lines().map(|link| link.split(": ").next().unwrap().to_owned()).collect()
    };
    assert_eq!(labels("src/guide/links.md"), labels("src/guide/links_elsewhere.md"));
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
