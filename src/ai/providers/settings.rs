//! What a provider needs to know beside model, address and key: region, project, deployment, credentials.
//!
//! Each is a field of `ai.model(spec)` that only the providers who name it accept, with customary environment variables and,
//! for some, customary files. All values are kept as secrets, so that none is ever printed.

use crate::ai::fields::Fields;
use crate::ai::secret::Secret;

/// One setting of a provider.
#[derive(Debug)]
pub struct Setting {
    /// The field in `ai.model(spec)`, and the placeholder in the provider's URL.
    pub field: &'static str,
    /// Environment variables customary for it, best first.
    pub variables: &'static [&'static str],
    /// Its value when nobody gives one.
    pub default: Option<&'static str>,
    /// It is a credential: environment variables count only for the provider's own address.
    pub credential: bool,
}

/// What files customary for a provider say.
#[derive(Default)]
pub struct SharedFiles {
    /// Values by field.
    pub(super) values: Vec<(&'static str, String)>,
    /// Why they hold no credentials, when somebody put files there that do not.
    pub(super) missing: Option<String>,
}

impl SharedFiles {
    fn get(&self, field: &str) -> Option<String> {
        self.values.iter().find(|(name, _)| *name == field).map(|(_, value)| value.clone())
    }
}

/// Reads the files; the environment says where they are.
pub type ReadFiles = fn(variable: &dyn Fn(&str) -> Option<String>) -> SharedFiles;

/// The settings of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    values: Vec<(&'static str, Secret)>,
    missing: Option<String>,
}

impl Settings {
    /// Reads what the spec, the environment and the files say. Credentials of the latter two are left to
    /// [`Settings::credentials`].
    pub(in crate::ai) fn read(
        settings: &'static [Setting],
        f: &mut Fields<'_>,
        variable: &dyn Fn(&str) -> Option<String>,
        files: &SharedFiles,
    ) -> Self {
        let value = |s: &Setting, f: &mut Fields<'_>| {
            let given = f.string(s.field).filter(|text| !text.is_empty());
            if given.as_deref().is_some_and(|text| text.chars().any(char::is_control)) {
                f.problem(s.field, "contains a line break or another control character");
            }
            let from_variable = || if s.credential { None } else { s.variables.iter().find_map(|v| variable(v)) };
            let from_file = || if s.credential { None } else { files.get(s.field) };
            given.or_else(from_variable).or_else(from_file).or_else(|| s.default.map(str::to_owned))
        };
        let values = settings.iter().filter_map(|s| Some((s.field, Secret::new(value(s, f)?))));
        Self { values: values.collect(), missing: None }
    }

    /// Adds the credentials the environment holds, else those of the files, for the provider's own address.
    pub(in crate::ai) fn credentials(
        &mut self,
        settings: &'static [Setting],
        variable: &dyn Fn(&str) -> Option<String>,
        files: &SharedFiles,
    ) {
        // Keys of different owners do not go together: all are given, or none.
        if settings.iter().any(|s| s.credential && self.get(s.field).is_some()) {
            return;
        }
        let found = |value: &dyn Fn(&Setting) -> Option<String>| -> Vec<_> {
            let credentials = settings.iter().filter(|s| s.credential);
            credentials.filter_map(|s| Some((s.field, Secret::new(value(s)?)))).collect()
        };
        let mut credentials = found(&|s| s.variables.iter().find_map(|v| variable(v)));
        if credentials.is_empty() {
            credentials = found(&|s| files.get(s.field));
            self.missing.clone_from(&files.missing);
        }
        self.values.extend(credentials);
    }

    /// Why there are no credentials, when files that should have some do not.
    pub fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// The value of a setting.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| *name == field).map(|(_, value)| value.expose())
    }

    /// Masks every credential in a text.
    pub(in crate::ai) fn mask_in(&self, settings: &'static [Setting], text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.values {
            if settings.iter().any(|s| s.credential && s.field == *name) {
                text = value.mask_in(&text);
            }
        }
        text
    }

    /// Fills `{field}` in a URL; `Err` names the field that is missing. `{field-}` is the value and a dash, or nothing when it is
    /// `global`, as Google Cloud has it.
    pub(in crate::ai) fn fill(&self, template: &str) -> Result<String, String> {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (field, after) = after.split_once('}').unwrap_or((after, ""));
            out.push_str(before);
            let name = field.trim_end_matches('-');
            let value = self.get(name).ok_or_else(|| name.to_owned())?;
            if name == field {
                out.push_str(value);
            } else if value != "global" {
                out.push_str(value);
                out.push('-');
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static SETTINGS: &[Setting] = &[
        Setting { field: "region", variables: &["A_REGION"], default: Some("r1"), credential: false },
        Setting { field: "secretKey", variables: &["A_SECRET"], default: None, credential: true },
    ];

    fn read(value: serde_json::Value, environment: bool) -> Settings {
        let mut problems = Vec::new();
        let mut f = Fields::new("model", &value, &["region", "secretKey"], &mut problems).unwrap();
        let variable = move |name: &str| environment.then(|| format!("env-{name}"));
        let mut settings = Settings::read(SETTINGS, &mut f, &variable, &SharedFiles::default());
        settings.credentials(SETTINGS, &variable, &SharedFiles::default());
        assert!(problems.is_empty(), "{problems:?}");
        settings
    }

    #[test]
    fn spec_then_environment_then_default() {
        assert_eq!(read(json!({"region": "eu"}), true).get("region"), Some("eu"));
        assert_eq!(read(json!({}), true).get("region"), Some("env-A_REGION"));
        assert_eq!(read(json!({}), false).get("region"), Some("r1"));
        assert_eq!(read(json!({}), true).get("secretKey"), Some("env-A_SECRET"));
        let own = read(json!({"secretKey": "own-key"}), true);
        assert_eq!(own.mask_in(SETTINGS, "own-key in r1"), "*** in r1");
        assert!(!format!("{own:?}").contains("own-key"));
    }

    #[test]
    fn urls_are_filled() {
        let settings = read(json!({}), false);
        assert_eq!(settings.fill("https://a.{region}.test/x"), Ok("https://a.r1.test/x".to_owned()));
        assert_eq!(settings.fill("https://{region-}a.test"), Ok("https://r1-a.test".to_owned()));
        let global = read(json!({"region": "global"}), false);
        assert_eq!(global.fill("https://{region-}a.test"), Ok("https://a.test".to_owned()));
        assert_eq!(settings.fill("https://{project}.test"), Err("project".to_owned()));
    }
}
