//! Configuration files of the mock, in YAML or JSON: the flags by name, for one server or several.
//!
//! What stands beside `servers` holds for all of them, and flags on the command line hold before the file. Read by `inrush mock --config`
//! and `inrush run --mock=FILE`.

use serde_json::{Map, Value};

use super::mock_flags::{KNOBS, Knob, config};
use crate::mock::{Episode, MockConfig};
use crate::options::parse_duration;
use crate::spelling::nearest;

/// Most servers of one process.
const MOST_SERVERS: usize = 64;

/// Knobs that may be given several times.
const REPEATED: [&str; 2] = ["replay", "fault"];

/// A server of a file.
#[derive(Debug)]
pub(super) struct Server {
    /// Its name; empty when the file describes one server without a name.
    pub(super) name: String,
    pub(super) config: MockConfig,
}

/// The servers of a file, with the flags given beside it.
///
/// # Errors
/// Everything that is wrong with it, at once: one sentence each, with the place in the file.
pub(super) fn read(path: &str, flags: &[Knob]) -> Result<Vec<Server>, Vec<String>> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| vec![format!("the mock's configuration '{path}' cannot be read: {e}")])?;
    servers(&text, flags).map_err(|problems| problems.into_iter().map(|problem| format!("{path}: {problem}")).collect())
}

fn servers(text: &str, flags: &[Knob]) -> Result<Vec<Server>, Vec<String>> {
    let value: Value = serde_yaml_ng::from_str(text).map_err(|e| vec![format!("is neither YAML nor JSON: {e}")])?;
    let Value::Object(top) = value else {
        return Err(vec!["must hold the mock's flags by name, such as `ttft: 200ms`".to_owned()]);
    };
    let mut problems = Vec::new();
    let shared = knobs(&top, "", &["servers"], &mut problems);
    let one = Map::new();
    let entries: Vec<(String, &Map<String, Value>)> = match top.get("servers") {
        None => vec![(String::new(), &one)],
        Some(Value::Array(all)) if !all.is_empty() && all.len() <= MOST_SERVERS => {
            let entry = |(at, value): (usize, &'_ Value)| (format!("servers[{at}]."), value.as_object().cloned());
            let (good, bad): (Vec<_>, Vec<_>) =
                all.iter().enumerate().map(entry).partition(|(_, fields)| fields.is_some());
            problems.extend(
                bad.into_iter().map(|(at, _)| format!("{}: must be an object with a `name`", at.trim_end_matches('.'))),
            );
            let at: Vec<String> = good.into_iter().map(|(at, _)| at).collect();
            at.into_iter().zip(all.iter().filter_map(Value::as_object)).collect()
        }
        Some(_) => {
            problems.push(format!("servers: must be a list of 1 to {MOST_SERVERS} servers"));
            Vec::new()
        }
    };
    // What is wrong with what all share is told once, as theirs.
    let in_all = config(&shared, "").err().unwrap_or_default();
    let mut out: Vec<Server> = Vec::new();
    let mut named: Vec<String> = Vec::new();
    for (at, fields) in entries {
        let name = match fields.get("name") {
            Some(Value::String(name)) if is_name(name) => name.clone(),
            None if at.is_empty() => String::new(),
            _ => {
                problems.push(format!("{at}name: give each server a name of letters, digits, dashes and underscores"));
                String::new()
            }
        };
        if let Some(other) = named.iter().find(|other| !name.is_empty() && variable(other) == variable(&name)) {
            problems.push(if *other == name {
                format!("{at}name: there are two servers named {name}")
            } else {
                format!("{at}name: scripts would find {other} and {name} in the same variable, {}", variable(&name))
            });
        }
        named.push(name.clone());
        let own = knobs(fields, &at, &["name"], &mut problems);
        // What is closer to the server holds; flags hold before all.
        let beaten = |knob: &&Knob, by: &[Knob]| !by.iter().any(|other| other.name == knob.name);
        let all: Vec<Knob> = shared
            .iter()
            .filter(|knob| beaten(knob, &own) && beaten(knob, flags))
            .chain(own.iter().filter(|knob| beaten(knob, flags)))
            .chain(flags)
            .cloned()
            .collect();
        match config(&all, "") {
            Ok(config) => out.push(Server { name, config }),
            Err(more) => problems.extend(more.into_iter().map(|problem| {
                let place = if in_all.contains(&problem) { "" } else { at.as_str() };
                format!("{place}{}", problem.trim_start_matches("--"))
            })),
        }
    }
    problems.extend(clashes(&out));
    let mut told = std::collections::HashSet::new();
    problems.retain(|problem| told.insert(problem.clone()));
    if problems.is_empty() { Ok(out) } else { Err(problems) }
}

/// What only one server can have.
const OWN: [(&str, OfServer); 3] = [
    ("listen", |c| (c.listen.port() != 0).then(|| c.listen.to_string())),
    ("truth-log", |c| c.truth_log.as_ref().map(|path| path.display().to_string())),
    ("tls", |c| c.tls.as_ref().map(|path| path.display().to_string())),
];
type OfServer = fn(&MockConfig) -> Option<String>;

fn clashes(servers: &[Server]) -> Vec<String> {
    let mut out = Vec::new();
    for (at, server) in servers.iter().enumerate() {
        for (what, of) in OWN {
            let Some(value) = of(&server.config) else { continue };
            if let Some(other) = servers[..at].iter().find(|other| of(&other.config).as_ref() == Some(&value)) {
                let (one, two) = (&other.name, &server.name);
                out.push(format!("servers: {one} and {two} have the same {what}, {value}; give each its own"));
            }
        }
    }
    out
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The knobs of one object.
fn knobs(fields: &Map<String, Value>, at: &str, others: &[&str], problems: &mut Vec<String>) -> Vec<Knob> {
    let mut out = Vec::new();
    for (given, value) in fields {
        if others.contains(&given.as_str()) {
            continue;
        }
        if given == "timeline" {
            timeline(value, at, &mut out, problems);
            continue;
        }
        let wanted = given.replace('_', "-");
        let Some((name, ..)) = KNOBS.iter().find(|(name, ..)| *name == wanted) else {
            let known = KNOBS.iter().map(|(name, ..)| *name).chain(["timeline"]).chain(others.iter().copied());
            let hint = nearest(&wanted, known).map_or_else(
                || "`inrush mock --help` lists the flags".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            problems.push(format!("{at}{given}: there is no such flag; {hint}"));
            continue;
        };
        let texts: Option<Vec<String>> = match value {
            Value::Array(all) => all.iter().map(plain).collect(),
            other => plain(other).map(|text| vec![text]),
        };
        match texts {
            None => problems.push(format!("{at}{given}: must be a text or a number, or a list of them")),
            Some(texts) if REPEATED.contains(name) => {
                out.extend(texts.into_iter().map(|value| Knob { name, value }));
            }
            Some(texts) => out.push(Knob { name, value: texts.join(",") }),
        }
    }
    out
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `timeline: [{ at: 10s, for: 5s, kinds: 429, share: 0.5 }]`, as the knob `fault` says it.
fn timeline(value: &Value, at: &str, out: &mut Vec<Knob>, problems: &mut Vec<String>) {
    const EXAMPLE: &str = "write for example { at: 10s, for: 5s, kinds: '429,hang', share: 0.5 }";
    let Value::Array(entries) = value else {
        problems.push(format!("{at}timeline: must be a list; {EXAMPLE}"));
        return;
    };
    for (number, entry) in entries.iter().enumerate() {
        match episode(entry) {
            Ok(value) => out.push(Knob { name: "fault", value }),
            Err(why) => problems.push(format!("{at}timeline[{number}]: {why}; {EXAMPLE}")),
        }
    }
}

fn episode(entry: &Value) -> Result<String, String> {
    let fields = entry.as_object().ok_or("must be an object")?;
    if let Some(unknown) = fields.keys().find(|name| !["at", "for", "kinds", "share"].contains(&name.as_str())) {
        return Err(format!("`{unknown}` is unknown"));
    }
    let time = |name: &str| -> Result<Option<u128>, String> {
        let Some(value) = fields.get(name) else { return Ok(None) };
        let text = plain(value).ok_or_else(|| format!("`{name}` is no time"))?;
        let time = parse_duration(&text).map_err(|e| format!("`{name}`: {e}"))?;
        Ok(Some(time.as_micros()))
    };
    let from = time("at")?.unwrap_or(0);
    let to = time("for")?.map_or_else(String::new, |length| format!("{}us", from + length));
    let kinds = match fields.get("kinds") {
        Some(Value::Array(all)) => all.iter().map(plain).collect::<Option<Vec<String>>>().map(|all| all.join(",")),
        Some(other) => plain(other),
        None => None,
    };
    let kinds = kinds.ok_or("`kinds` is missing")?;
    let share = match fields.get("share") {
        None => String::new(),
        Some(share) => format!("@{}", plain(share).ok_or("`share` must be a number")?),
    };
    let text = format!("{from}us:{to}={kinds}{share}");
    // Told here, where the place in the file is known.
    text.parse::<Episode>().map(|_| text).map_err(|e| e.to_string())
}

/// The variable in which a script finds a server of the file: `INRUSH_MOCK_BACKUP_URL`.
pub(super) fn variable(name: &str) -> String {
    let name: String = name.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_uppercase() }).collect();
    format!("INRUSH_MOCK_{name}_URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_what_is_shared_and_what_is_their_own() {
        let text = "ttft: 100ms\nrpm: 60\nservers:\n  - name: main\n    fault: [10s:20s=429, '30s:=hang@0.5']\n    model: [a, b]\n  - name: back-up\n    ttft: 300ms\n    timeline:\n      - { at: 5s, for: 2s, kinds: [500, cut:3], share: 0.25 }\n      - { kinds: refuse }\n";
        let all = servers(text, &[Knob { name: "rpm", value: "90".to_owned() }]).unwrap();
        let [main, backup] = &all[..] else { panic!("{all:?}") };
        assert_eq!((main.name.as_str(), main.config.rpm, main.config.models.len()), ("main", Some(90), 2));
        let faults = |server: &Server| server.config.faults.iter().map(ToString::to_string).collect::<Vec<String>>();
        assert_eq!(faults(main), ["10000ms:20000ms=rate_limited", "30000ms:=hang@0.5"]);
        assert_eq!(faults(backup), ["5000ms:7000ms=server,cut:3@0.25", "0ms:=refuse"]);
        assert_eq!(backup.config.ttft.to_string(), "300ms");
        assert_eq!(main.config.ttft.to_string(), "100ms");
        assert_eq!(variable(&backup.name), "INRUSH_MOCK_BACK_UP_URL");
        // JSON is YAML, and one server needs no list.
        let one = servers(r#"{"itl": "5ms", "context_tokens": 4096}"#, &[]).unwrap();
        assert_eq!((one.len(), one[0].config.context_tokens), (1, Some(4096)));
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_its_place() {
        let text = "ttfts: 1s\nservers:\n  - rpm: many\n  - name: b\n    truth-log: t.jsonl\n    timeline: [{ at: x, kinds: 429 }, { for: 1s }]\n  - name: b\n    truth-log: t.jsonl\n    ttft: [1]\n    model: { a: 1 }\n  - 7\n";
        let problems = servers(text, &[]).unwrap_err().join("\n");
        for part in [
            "ttfts: there is no such flag; did you mean `ttft`?",
            "servers[0].name: give each server a name",
            "servers[0].rpm many:",
            "servers[1].timeline[0]: `at`",
            "servers[1].timeline[1]: `kinds` is missing",
            "servers[2].name: there are two servers named b",
            "servers[2].model: must be a text",
            "servers[3]: must be an object",
        ] {
            assert!(problems.contains(part), "{part}:\n{problems}");
        }
        for (text, says) in
            [("- 1", "flags by name"), ("a: [", "neither YAML nor JSON"), ("servers: []", "list of 1 to 64")]
        {
            assert!(servers(text, &[]).unwrap_err().join("\n").contains(says), "{text}");
        }
        let shared =
            servers("rpm: x\nservers: [{ name: a }, { name: b, timeline: [{ kinds: nonsense }] }]", &[]).unwrap_err();
        assert_eq!(shared.len(), 2, "{shared:?}");
        assert!(shared.iter().any(|p| p.starts_with("rpm x:")), "{shared:?}");
        assert!(shared.iter().any(|p| p.starts_with("servers[1].timeline[0]: ")), "{shared:?}");
        let alike = servers("servers: [{ name: a-b }, { name: A_B }]", &[]).unwrap_err();
        assert!(alike[0].contains("INRUSH_MOCK_A_B_URL"), "{alike:?}");
        let same = "truth-log: t.jsonl\nservers: [{ name: a }, { name: b }]";
        assert!(servers(same, &[]).unwrap_err()[0].contains("a and b have the same truth-log"));
    }
}
