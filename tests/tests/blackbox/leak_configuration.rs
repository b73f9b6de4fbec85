//! What is wrong with reporters and webhooks is said before anything starts.

use trustmint_tests::broker::run;
use trustmint_tests::reporter::{ReporterKey, with_keys_file};
use trustmint_tests::{Issuer, Setup};

/// What is written, and what is said about it.
const MISTAKES: [(&str, &str); 27] = [
    ("[reporters.github]", "[reporters.github] lacks `kind`"),
    ("[reporters.x]\nkind = \"bitbucket\"", "bitbucket"),
    ("[reporters.holder]\nkind = \"depsdev\"", "no reporter is called \"holder\""),
    ("[reporters.verify]\nkind = \"depsdev\"", "no reporter is called \"verify\""),
    ("[reporters.\"a/b\"]\nkind = \"depsdev\"", "a/b"),
    ("[reporters.x]\nkind = \"github\"\nkey_url = \"https://example.com\"", "keys_url"),
    ("[reporters.x]\nkind = \"github\"\nsecret_sha256 = []", "secret_sha256"),
    (
        "[reporters.x]\nkind = \"github\"\nkeys_url = \"http://example.com\"",
        "an https URL without credentials",
    ),
    (
        "[reporters.x]\nkind = \"github\"\nkeys_url = \"https://a:hunter2@example.com\"",
        "an https URL without credentials",
    ),
    ("[reporters.x]\nkind = \"github\"\nkeys_file = \"nothing.json\"", "nothing.json"),
    ("[reporters.x]\nkind = \"github\"\nkeys_file = \"trustmint.toml\"", "`keys_file`"),
    (
        "[reporters.x]\nkind = \"github\"\nkeys_file = \"reporter-keys.json\"\nkeys_url = \"https://example.com/\"",
        "`keys_url` has no meaning beside `keys_file`",
    ),
    ("[reporters.x]\nkind = \"github\"\nkeys_token_file = \"nothing\"", "nothing"),
    ("[reporters.x]\nkind = \"github\"\ncurves = [\"P-257\"]", "\"P-257\" is not a curve that is accepted"),
    ("[reporters.x]\nkind = \"github\"\ncurves = []", "`curves` is empty"),
    (
        "[reporters.x]\nkind = \"gitlab\"",
        "write `keys_url = \"https://scanner.example.com/keys.json\"`, or a `keys_file`",
    ),
    ("[reporters.x]\nkind = \"signed\"", "write `key_id_header = \"Scanner-Key-Identifier\"`"),
    ("[reporters.x]\nkind = \"signed\"", "write `signature_header = \"Scanner-Signature\"`"),
    ("[reporters.x]\nkind = \"signed\"\nkey_id_header = \"a b\"", "it is not a header name"),
    (
        "[reporters.x]\nkind = \"github\"\nkey_id_header = \"X-A\"\nsignature_header = \"x-a\"",
        "the key's id and the signature are in the same header",
    ),
    (
        "[reporters.x]\nkind = \"depsdev\"\n[reporters.y]\nkind = \"depsdev\"",
        "[reporters.x] has the same headers",
    ),
    (
        "[reporters.x]\nkind = \"gitlab-revocation\"",
        "write `secret_sha256 = [\"…\"]`, as `trustmint client new` prints it",
    ),
    ("[reporters.x]\nkind = \"gitlab-revocation\"\nsecret_sha256 = \"hunter2\"", "64 hexadecimal digits"),
    (
        "[webhooks.x]\nurl = \"http://example.com\"\nsecret_file = \"good\"",
        "an https URL without credentials",
    ),
    (
        "[webhooks.x]\nurl = \"https://example.com\"\nsecret_file = \"bad\"",
        "`whsec_` and 24 to 64 bytes in base64",
    ),
    (
        "[webhooks.x]\nurl = \"https://example.com\"\nsecret_file = \"good\"\nregistries = [\"pypl\"]",
        "[registries.pypl] is not there",
    ),
    (
        "[webhooks.x]\nurl = \"https://example.com\"\nsecret_file = \"good\"\npolicies = []",
        "`policies` is empty",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn configuration_errors_show_no_secret() {
    let issuer = Issuer::start().await;
    for (written, complaint) in MISTAKES {
        let folder = tempfile::tempdir().expect("folder");
        let mut setup = with_keys_file(Setup::new(&issuer), [&ReporterKey::new()]);
        let (registries, _) = setup.registries.split_once("\n[reporters.github]").expect("a reporter");
        setup.registries = format!("{registries}\n{written}\n");
        setup.write(folder.path());
        for (name, secret) in
            [("good", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), ("bad", "whsec_aHVudGVyMg==")]
        {
            std::fs::write(folder.path().join(name), secret).expect("file");
        }
        let (code, said, complained) = run(folder.path(), &["config", "check", "--config", "trustmint.toml"]);
        assert_eq!((code, said.as_str()), (2, ""), "{written}: {complained}");
        assert!(complained.contains(complaint), "{written}: {complained}");
        assert!(!complained.contains("hunter2") && !complained.contains("aHVudGVyMg"), "{complained}");
    }
}
