//! AWS's shared files: the region and the static keys of a profile, from `~/.aws/credentials` and `~/.aws/config`.
//!
//! The environment says which files (`AWS_SHARED_CREDENTIALS_FILE`, `AWS_CONFIG_FILE`, `HOME`) and which profile (`AWS_PROFILE`).
//! Profiles whose keys somebody else hands out (single sign-on, roles, programs) are not followed: that is the work of AWS's own
//! tools, and the message says how to have them do it. A file that cannot be used is no error until keys are needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::settings::SharedFiles;
use crate::spelling::nearest;

/// Longest file that is read.
const MAX_FILE: u64 = 1024 * 1024;
/// Profiles named in a message.
const LISTED: usize = 10;

/// What sends for keys, by the setting that says so.
const ELSEWHERE: &[(&str, &str)] = &[
    ("credential_process", "a program (credential_process)"),
    ("credential_source", "the machine it runs on (credential_source)"),
    ("login_session", "a login of the console (login_session)"),
    ("sso_session", "single sign-on (sso_session)"),
    ("sso_start_url", "single sign-on (sso_start_url)"),
    ("web_identity_token_file", "a web identity (web_identity_token_file)"),
];

/// Settings by section, names in lower case.
type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// Reads the profile that the environment names.
pub(super) fn read(variable: &dyn Fn(&str) -> Option<String>) -> SharedFiles {
    let home = variable("HOME").or_else(|| variable("USERPROFILE"));
    let place = |name: &str, usual: &str| -> Option<PathBuf> {
        let home = home.as_deref().map(Path::new);
        match (variable(name), home) {
            (Some(given), Some(home)) if given.starts_with("~/") => Some(home.join(&given[2..])),
            (Some(given), _) => Some(given.into()),
            (None, home) => home.map(|home| home.join(".aws").join(usual)),
        }
    };
    let (credentials, config) =
        (place("AWS_SHARED_CREDENTIALS_FILE", "credentials"), place("AWS_CONFIG_FILE", "config"));
    let named = variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
    let mut unreadable = Vec::new();
    let mut sections = |path: Option<&PathBuf>| {
        path.and_then(|path| sections_of(path).map_err(|why| unreadable.push(why)).ok()).unwrap_or_default()
    };
    let (credentials_of, config_of) = (sections(credentials.as_ref()), profiles(sections(config.as_ref())));
    let profile = named.as_deref().unwrap_or("default");
    let (own, shared) = (credentials_of.get(profile), config_of.get(profile));
    let region = [shared, own].into_iter().flatten().find_map(|section| section.get("region"));
    let mut values: Vec<_> = region.map(|region| ("region", region.clone())).into_iter().collect();
    let missing = match keys(profile, own, shared) {
        Ok(keys) => {
            values.extend(keys);
            None
        }
        Err(_) if !unreadable.is_empty() => Some(unreadable.join("; ")),
        // Nobody spoke of a profile, and there is none.
        Err(_) if named.is_none() && own.is_none() && shared.is_none() => None,
        Err(why) if own.is_some() || shared.is_some() => Some(why),
        Err(_) => {
            let mut known: Vec<&str> = credentials_of.keys().chain(config_of.keys()).map(String::as_str).collect();
            known.sort_unstable();
            known.dedup();
            Some(unknown(profile, &known, &[credentials, config]))
        }
    };
    SharedFiles { values, missing }
}

fn unknown(profile: &str, known: &[&str], files: &[Option<PathBuf>]) -> String {
    let files: Vec<_> = files.iter().flatten().map(|path| path.display().to_string()).collect();
    let list = match (nearest(profile, known.iter().copied()), known) {
        (Some(near), _) => format!("did you mean '{near}'?"),
        (None, []) => "there is no profile at all".to_owned(),
        (None, known) => format!("it is none of {}", known[..known.len().min(LISTED)].join(", ")),
    };
    format!("AWS_PROFILE names the profile '{profile}', which is not in {}: {list}", files.join(" or "))
}

/// The static keys of a profile.
///
/// # Errors
/// Why it has none, and what to do.
fn keys(
    profile: &str,
    own: Option<&BTreeMap<String, String>>,
    shared: Option<&BTreeMap<String, String>>,
) -> Result<Vec<(&'static str, String)>, String> {
    let says = |name: &str| [own, shared].into_iter().flatten().any(|section| section.contains_key(name));
    let export =
        format!("run: eval \"$(aws configure export-credentials --profile {profile} --format env)\", and start again");
    // As in AWS's tools, a role goes before the keys that may assume it.
    if says("role_arn") {
        return Err(format!(
            "the AWS profile '{profile}' assumes a role (role_arn), and only static keys are read from files; {export}"
        ));
    }
    let fields = [
        ("accessKeyId", "aws_access_key_id"),
        ("secretAccessKey", "aws_secret_access_key"),
        ("sessionToken", "aws_session_token"),
    ];
    for section in [own, shared].into_iter().flatten() {
        let found: Vec<_> =
            fields.iter().filter_map(|(field, name)| Some((*field, section.get(*name)?.clone()))).collect();
        let has = |field: &str| found.iter().any(|(f, _)| *f == field);
        match (has("accessKeyId"), has("secretAccessKey")) {
            (true, true) => return Ok(found),
            (false, false) => {}
            (has_id, _) => {
                let missing = if has_id { "aws_secret_access_key" } else { "aws_access_key_id" };
                return Err(format!("the AWS profile '{profile}' has no {missing}: add it beside the other key"));
            }
        }
    }
    match ELSEWHERE.iter().find(|(name, _)| says(name)) {
        Some((_, whom)) => Err(format!(
            "the AWS profile '{profile}' gets its keys from {whom}, and only static keys are read from files; {export}"
        )),
        None => Err(format!("the AWS profile '{profile}' has no keys; {export}")),
    }
}

/// The profiles of a config file, which calls all but `default` `profile NAME`.
fn profiles(sections: Sections) -> Sections {
    let named = sections.into_iter().filter_map(|(name, section)| {
        let name = match name.strip_prefix("profile") {
            Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim().trim_matches(['"', '\'']).to_owned(),
            _ if name == "default" => name,
            _ => return None,
        };
        Some((name, section))
    });
    named.collect()
}

fn sections_of(path: &Path) -> Result<Sections, String> {
    let told = |why: String| format!("{} cannot be read ({why})", path.display());
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Sections::new()),
        Err(error) => return Err(told(error.to_string())),
        Ok(meta) if meta.len() > MAX_FILE => return Err(told(format!("it has more than {MAX_FILE} bytes"))),
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map(|text| parse(&text)).map_err(|error| told(error.to_string()))
}

/// Sections in brackets, and settings `name = value` in them. Lines that begin with space belong to the setting before, which is
/// none of ours; comments begin with `#` or `;`.
fn parse(text: &str) -> Sections {
    let (mut sections, mut current) = (Sections::new(), None);
    for line in text.lines() {
        let begins = line.trim_start_matches('\u{feff}');
        if begins.starts_with([' ', '\t', '#', ';']) || begins.trim().is_empty() {
            continue;
        }
        if let Some(rest) = begins.strip_prefix('[') {
            let name = rest.split(']').next().unwrap_or_default().trim().to_owned();
            sections.entry(name.clone()).or_default();
            current = Some(name);
        } else if let (Some(section), Some((name, value))) = (&current, begins.split_once('=')) {
            let comment = [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| value.find(mark)).min();
            let value = value[..comment.unwrap_or(value.len())].trim();
            if let Some(section) = sections.get_mut(section).filter(|_| !value.is_empty()) {
                section.insert(name.trim().to_ascii_lowercase(), value.to_owned());
            }
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::fields::Env;
    use crate::ai::spec::ModelSpec;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const CREDENTIALS: &str = "\
# keys
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key=secret/default+key  # mine
[work]
AWS_ACCESS_KEY_ID = AKIAWORK
aws_secret_access_key = secret-work
aws_session_token = token-work==
[half]
aws_access_key_id = AKIAHALF
[base]
aws_access_key_id = AKIABASE
aws_secret_access_key = secret-base
";
    const CONFIG: &str = "\
[default]
region = eu-west-3
s3 =
  region = not-this-one
[profile work]
region = ap-southeast-2
[profile \"in config\"]
aws_access_key_id = AKIACONFIG
aws_secret_access_key = secret-config
[profile sso]
sso_session = corp
region = us-west-2
[sso-session corp]
sso_start_url = https://x.test/start
[profile role]
role_arn = arn:aws:iam::1:role/x
source_profile = base
[profile program]
credential_process = /bin/keys
[profile base]
role_arn = arn:aws:iam::1:role/y
[profile empty]
output = json
";

    /// A home with both files.
    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/credentials"), CREDENTIALS).unwrap();
        std::fs::write(home.path().join(".aws/config"), CONFIG).unwrap();
        home
    }

    fn spec(more: Value, pairs: &[(&str, &str)]) -> ModelSpec {
        let mut value = json!({"provider": "bedrock", "model": "m"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let env: Env = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        ModelSpec::from_json(&value, &env).unwrap()
    }

    fn got(spec: &ModelSpec) -> [Option<&str>; 4] {
        ["region", "accessKeyId", "secretAccessKey", "sessionToken"].map(|field| spec.settings.get(field))
    }

    #[test]
    fn a_profile_gives_region_and_keys() {
        let home = home();
        let home = ("HOME", home.path().to_str().unwrap());
        let default = spec(json!({}), &[home]);
        assert_eq!(got(&default), [Some("eu-west-3"), Some("AKIADEFAULT"), Some("secret/default+key"), None]);
        assert_eq!(default.base_url, "https://bedrock-runtime.eu-west-3.amazonaws.com");
        assert_eq!(default.lacks(), None);
        let work = spec(json!({}), &[home, ("AWS_PROFILE", "work")]);
        assert_eq!(got(&work), [Some("ap-southeast-2"), Some("AKIAWORK"), Some("secret-work"), Some("token-work==")]);
        assert_eq!(got(&spec(json!({}), &[home, ("AWS_PROFILE", "in config")]))[1], Some("AKIACONFIG"));
        assert!(!format!("{work:?}").contains("secret-work") && work.mask("is secret-work") == "is ***");
    }

    #[test]
    fn what_is_given_goes_before_the_files() {
        let home = home();
        let home = ("HOME", home.path().to_str().unwrap());
        let keys = [
            home,
            ("AWS_ACCESS_KEY_ID", "AKIAENV"),
            ("AWS_SECRET_ACCESS_KEY", "secret-env"),
            ("AWS_REGION", "us-east-2"),
        ];
        assert_eq!(got(&spec(json!({}), &keys)), [Some("us-east-2"), Some("AKIAENV"), Some("secret-env"), None]);
        let own = spec(json!({"accessKeyId": "AKIAOWN", "secretAccessKey": "secret-own", "region": "r"}), &[home]);
        assert_eq!(got(&own), [Some("r"), Some("AKIAOWN"), Some("secret-own"), None]);
        // Keys of the files go to AWS's own hosts only.
        let elsewhere = spec(json!({"baseURL": "http://127.0.0.1:9"}), &[home]);
        assert_eq!(got(&elsewhere)[1..], [None, None, None]);
        assert_eq!(elsewhere.lacks(), None);
    }

    #[test]
    fn other_files_by_variables() {
        let home = home();
        let at = |name: &str| home.path().join(".aws").join(name).display().to_string();
        let (credentials, config) = (at("credentials"), at("config"));
        let pairs = [("AWS_SHARED_CREDENTIALS_FILE", credentials.as_str()), ("AWS_CONFIG_FILE", config.as_str())];
        assert_eq!(got(&spec(json!({}), &pairs))[..2], [Some("eu-west-3"), Some("AKIADEFAULT")]);
        let tilde = [("HOME", home.path().to_str().unwrap()), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/none")];
        assert_eq!(got(&spec(json!({}), &tilde))[..2], [Some("eu-west-3"), None]);
    }

    #[test]
    fn a_profile_without_static_keys_says_what_to_do() {
        let home = home();
        let home = ("HOME", home.path().to_str().unwrap());
        for (profile, says) in [
            ("sso", "single sign-on (sso_session)"),
            ("role", "assumes a role"),
            ("base", "assumes a role"),
            ("program", "credential_process"),
            ("empty", "has no keys"),
        ] {
            let lacks = spec(json!({}), &[home, ("AWS_PROFILE", profile)]).lacks().unwrap();
            let advice = format!("aws configure export-credentials --profile {profile} --format env");
            assert!(lacks.contains(says) && lacks.contains(&advice), "{lacks}");
        }
        let lacks = |profile: &str| spec(json!({}), &[home, ("AWS_PROFILE", profile)]).lacks().unwrap();
        assert!(lacks("half").contains("has no aws_secret_access_key"), "{}", lacks("half"));
        assert!(lacks("wrk").contains("did you mean 'work'?"), "{}", lacks("wrk"));
        assert!(lacks("quite-another").contains("it is none of base, default, empty"), "{}", lacks("quite-another"));
        // The region of such a profile counts, and with a key of another kind nothing is missing.
        let bearer = spec(json!({}), &[home, ("AWS_PROFILE", "sso"), ("AWS_BEARER_TOKEN_BEDROCK", "token")]);
        assert_eq!((got(&bearer)[0], bearer.lacks()), (Some("us-west-2"), None));
    }

    #[test]
    fn without_files_nothing_is_said_of_them() {
        let empty = tempfile::tempdir().unwrap();
        let home = ("HOME", empty.path().to_str().unwrap());
        let lacks = spec(json!({}), &[home]).lacks().unwrap();
        assert!(!lacks.contains("profile"), "{lacks}");
        let lacks = spec(json!({}), &[home, ("AWS_PROFILE", "x")]).lacks().unwrap();
        assert!(lacks.contains("there is no profile at all"), "{lacks}");
        std::fs::create_dir_all(empty.path().join(".aws/credentials")).unwrap();
        let lacks = spec(json!({}), &[home]).lacks().unwrap();
        assert!(lacks.contains(".aws/credentials cannot be read"), "{lacks}");
    }

    proptest! {
        #[test]
        fn no_file_makes_the_reader_panic(text in "[\\[\\]a-c=# ;\n\u{feff}é]{0,80}") {
            let sections = parse(&text);
            prop_assert!(sections.values().flatten().all(|(_, value)| !value.is_empty()));
        }
    }
}
