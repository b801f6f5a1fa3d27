//! A dataset: the rows of a file, and which of them comes next. One cursor for all VUs; each instance of a segmented test takes the
//! numbers that are its own.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::conversation::{Conversation, Turns};
use super::draws::{Permutation, fraction, mixed};
use super::rows::judge::Judge;
use super::rows::{FORMATS, Format, Table};
use crate::ai::fields::{Fields, Problems};
use crate::options::Stripe;

/// In which order rows come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// As they stand in the file.
    Sequential,
    /// Each once in an order drawn by the seed; another order in each round.
    Shuffle,
    /// Any row, each as likely.
    Random,
    /// Any row, as likely as its weight says.
    Weighted,
}

const SAMPLES: [(&str, Sample); 4] = [
    ("sequential", Sample::Sequential),
    ("shuffle", Sample::Shuffle),
    ("random", Sample::Random),
    ("weighted", Sample::Weighted),
];

/// What a script asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How the file is written.
    pub format: Format,
    /// The field a row stands for; None for the whole row.
    pub field: Option<String>,
    /// The order.
    pub sample: Sample,
    /// The field with the weights.
    pub weight: Option<String>,
    /// Rows are conversations.
    pub turns: Option<Turns>,
    /// Seed of the order.
    pub seed: Option<u64>,
    /// Whether rows come again after the last one.
    pub repeat: bool,
    /// Between the fields of CSV.
    pub delimiter: u8,
}

const FIELDS: &[&str] = &["format", "field", "sample", "weight", "turns", "seed", "repeat", "delimiter", "name"];

impl Settings {
    /// Reads the options of `dataset(path, options)`.
    ///
    /// # Errors
    /// All problems at once.
    pub fn from_json(value: &Value, path: &Path) -> Result<Self, Problems> {
        let empty = Value::Object(serde_json::Map::new());
        let value = if value.is_null() { &empty } else { value };
        let mut problems = Vec::new();
        let read = Fields::new("options", value, FIELDS, &mut problems).map(|mut f| Self::read(&mut f, path));
        match read {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(Problems(problems)),
        }
    }

    fn read(f: &mut Fields<'_>, path: &Path) -> Self {
        let known: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
        let format = match f.string("format") {
            Some(name) => {
                let found = FORMATS.iter().find(|(known, _)| *known == name).map(|(_, format)| *format);
                if found.is_none() {
                    f.problem("format", format_args!("unknown format '{name}'; known: {}", known.join(", ")));
                }
                found
            }
            None => {
                let found = Format::of(path);
                if found.is_none() && f.value("format").is_none() {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    f.problem(
                        "format",
                        format_args!(
                            "the name '{name}' does not say how the file is written; give one of {}",
                            known.join(", ")
                        ),
                    );
                }
                found
            }
        };
        let format = format.unwrap_or(Format::Lines);
        let sample = match f.string("sample") {
            None => Sample::Sequential,
            Some(name) => SAMPLES.iter().find(|(known, _)| *known == name).map(|(_, s)| *s).unwrap_or_else(|| {
                let known = SAMPLES.map(|(name, _)| name).join(", ");
                f.problem("sample", format_args!("unknown way to sample '{name}'; known: {known}"));
                Sample::Sequential
            }),
        };
        let weight = f.string("weight");
        match (sample, &weight) {
            (Sample::Weighted, None) => f.problem("weight", "missing: name the field with the weights"),
            (Sample::Weighted, Some(_)) | (_, None) => {}
            (_, Some(_)) => f.problem("weight", "has a meaning with sample: 'weighted' only"),
        }
        let repeat = f.boolean("repeat").unwrap_or(true);
        if !repeat && matches!(sample, Sample::Random | Sample::Weighted) {
            f.problem("repeat", "false needs sample 'sequential' or 'shuffle': the others draw rows again and again");
        }
        let turns = read_turns(f).or((format == Format::ShareGpt).then_some(Turns::ALL));
        Self {
            format,
            field: f.string("field"),
            sample,
            weight,
            turns,
            seed: f.count("seed", 0),
            repeat,
            delimiter: read_delimiter(f, path),
        }
    }
}

fn read_turns(f: &mut Fields<'_>) -> Option<Turns> {
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    match f.value("turns")? {
        Value::Bool(true) => Some(Turns::ALL),
        Value::Bool(false) => None,
        Value::String(text) if text == "all" => Some(Turns::ALL),
        Value::Object(_) => f.nested("turns", &["min", "max"], |t| {
            let turns =
                Turns { least: t.count("min", 1).map_or(1, size), most: t.count("max", 1).map_or(usize::MAX, size) };
            if turns.least > turns.most {
                t.problem("min", "is more than max");
            }
            turns
        }),
        Value::Number(_) => f.count("turns", 1).map(|most| Turns { least: 1, most: size(most) }),
        _ => {
            f.problem("turns", "expected true, 'all', a number of questions, or { min, max }");
            None
        }
    }
}

fn read_delimiter(f: &mut Fields<'_>, path: &Path) -> u8 {
    let tabs = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tsv"));
    match f.string("delimiter").as_deref().map(str::as_bytes) {
        None => {
            if tabs {
                b'\t'
            } else {
                b','
            }
        }
        Some([delimiter]) if delimiter.is_ascii() && !matches!(delimiter, b'"' | b'\r' | b'\n') => *delimiter,
        Some(_) => {
            f.problem("delimiter", "expected one ASCII character such as ',' or ';'");
            b','
        }
    }
}

/// The rows of a file and the cursor through them.
#[derive(Debug)]
pub struct Dataset {
    table: Table,
    settings: Settings,
    seed: u64,
    /// Sums of the weights.
    sums: Vec<f64>,
    /// Conversations without enough questions.
    left_out: usize,
    /// Rows taken on this instance.
    taken: AtomicU64,
}

impl Dataset {
    /// Reads a file's content. `seed` is the run's, when it has one.
    ///
    /// # Errors
    /// All that is wrong with the file, up to a limit.
    pub fn load(content: Arc<[u8]>, settings: Settings, seed: Option<u64>) -> Result<Self, String> {
        let mut judge = Judge {
            field: settings.field.clone(),
            weight: settings.weight.clone(),
            turns: settings.turns,
            ..Judge::default()
        };
        let table = Table::load(content, settings.format, settings.delimiter, &mut judge)?;
        if table.is_empty() {
            return Err(match judge.left_out {
                0 => "there are no rows".to_owned(),
                n => format!("none of its {n} conversations has as many questions as wanted"),
            });
        }
        let mut sums = judge.sums;
        if settings.sample == Sample::Weighted {
            if !sums.last().is_some_and(|sum| *sum > 0.0 && sum.is_finite()) {
                return Err("the weights add up to 0 (or too much): no row would ever be taken".to_owned());
            }
            sums.shrink_to_fit();
        }
        // All instances of a test must draw the same order, so without a seed it is a fixed one.
        let seed = settings.seed.or(seed).unwrap_or_default();
        let seed = mixed(seed, 0x0da7_a5e7);
        Ok(Self { table, settings, seed, sums, left_out: judge.left_out, taken: AtomicU64::new(0) })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none; never of one that was loaded.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Conversations that were left out for want of questions.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// What a row stands for, as JSON text; None beyond the end.
    pub fn json(&self, at: usize) -> Option<Cow<'_, str>> {
        match (&self.settings.turns, self.settings.field.as_deref()) {
            (Some(turns), field) => {
                let row = self.table.json(at)?;
                let conversation = Conversation::parse(&row, field, turns).ok()??;
                Some(Cow::Owned(conversation.to_json().to_string()))
            }
            (None, Some(field)) => self.table.field(at, field),
            (None, None) => self.table.json(at),
        }
    }

    /// Takes the next row of this instance's share: its place. None when all were taken and they do not come again.
    pub fn next(&self, share: &Stripe) -> Option<usize> {
        let rows = self.table.len() as u64;
        let number = share.global(self.taken.fetch_add(1, Ordering::Relaxed));
        let (round, place) = (number / rows, number % rows);
        if !self.settings.repeat && round > 0 {
            return None;
        }
        let at = match self.settings.sample {
            Sample::Sequential => place,
            Sample::Shuffle => Permutation::new(rows, mixed(self.seed, round)).at(place),
            Sample::Random => {
                #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let at = (fraction(self.seed, number) * rows as f64) as u64;
                at.min(rows - 1)
            }
            Sample::Weighted => {
                let all = self.sums.last().copied().unwrap_or_default();
                let drawn = fraction(self.seed, number) * all;
                self.sums.partition_point(|sum| *sum <= drawn) as u64
            }
        };
        usize::try_from(at.min(rows - 1)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Segmentation;
    use serde_json::json;

    fn dataset(rows: usize, options: &Value) -> Dataset {
        let text: String = (0..rows).map(|i| format!("{{\"id\": {i}, \"w\": {}}}\n", i % 3)).collect();
        let settings = Settings::from_json(options, Path::new("x.jsonl")).unwrap();
        Dataset::load(Arc::from(text.as_bytes()), settings, None).unwrap()
    }

    fn taken(dataset: &Dataset, share: &Stripe, count: usize) -> Vec<usize> {
        (0..count).map_while(|_| dataset.next(share)).collect()
    }

    #[test]
    fn in_order_and_shuffled() {
        let whole = Stripe::default();
        assert_eq!(taken(&dataset(3, &json!({})), &whole, 7), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(taken(&dataset(3, &json!({"repeat": false})), &whole, 7), [0, 1, 2]);
        let shuffled = |seed: u64| taken(&dataset(50, &json!({"sample": "shuffle", "seed": seed})), &whole, 100);
        let (first, second) = (shuffled(1)[..50].to_vec(), shuffled(1)[50..].to_vec());
        for round in [&first, &second] {
            let mut sorted = round.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        }
        assert!(first != second && shuffled(1) == shuffled(1) && shuffled(1) != shuffled(2));
    }

    #[test]
    fn segments_share_the_rows_among_them() {
        for sample in ["sequential", "shuffle"] {
            let mut all = Vec::new();
            for (segment, sequence) in [("0:1/4", "0,1/4,1"), ("1/4:1", "0,1/4,1")] {
                let segments = Segmentation::parse(Some(segment), Some(sequence)).unwrap();
                let dataset = dataset(41, &json!({"sample": sample, "repeat": false}));
                let own = taken(&dataset, segments.stripe(), 100);
                assert!((10..=31).contains(&own.len()), "{segment}: {}", own.len());
                all.extend(own);
            }
            all.sort_unstable();
            assert_eq!(all, (0..41).collect::<Vec<_>>(), "{sample}");
        }
    }

    #[test]
    fn drawn_evenly_or_by_weight() {
        let whole = Stripe::default();
        let counts = |options: &Value| {
            let mut counts = [0usize; 6];
            taken(&dataset(6, options), &whole, 9_000).into_iter().for_each(|at| counts[at] += 1);
            counts
        };
        assert!(counts(&json!({"sample": "random"})).iter().all(|n| (1350..1650).contains(n)));
        // Weights 0, 1, 2, 0, 1, 2.
        let weighted = counts(&json!({"sample": "weighted", "weight": "w"}));
        let expected = [0, 1500, 3000, 0, 1500, 3000];
        assert!(weighted.iter().zip(expected).all(|(n, e)| n.abs_diff(e) <= e / 10), "{weighted:?}");
        assert_eq!(counts(&json!({"sample": "random", "seed": 3})), counts(&json!({"sample": "random", "seed": 3})));
    }

    #[test]
    fn all_threads_together_take_every_row_once() {
        let dataset = dataset(1_000, &json!({"sample": "shuffle", "repeat": false}));
        let (dataset, share) = (&dataset, &Stripe::default());
        let mut all: Vec<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || taken(dataset, share, 1_000))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert_eq!(all, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn what_a_row_stands_for() {
        assert_eq!(dataset(2, &json!({"field": "id"})).json(1).as_deref(), Some("1"));
        assert_eq!(dataset(2, &json!({})).json(1).as_deref(), Some("{\"id\": 1, \"w\": 1}"));
        let text = "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}]}\n{\"messages\": []}\n";
        let settings = Settings::from_json(&json!({"turns": 2}), Path::new("x.jsonl")).unwrap();
        let talks = Dataset::load(Arc::from(text.as_bytes()), settings, None).unwrap();
        assert_eq!((talks.len(), talks.left_out()), (1, 1));
        assert!(talks.json(0).unwrap().contains("\"turns\":[{\"content\":\"q\",\"thinkTime\":null,\"reply\":null}]"));
    }

    #[test]
    fn options_that_do_not_go_together() {
        let options = json!({"format": "xml", "sample": "some", "weight": "w", "turns": {"min": 3, "max": 2},
            "delimiter": ";;", "seed": -1, "fields": "x"});
        let all = Settings::from_json(&options, Path::new("x.txt")).unwrap_err().0.join("\n");
        for expected in [
            "options.format: unknown format 'xml'; known: csv, json, jsonl, parquet, sharegpt",
            "options.sample: unknown way to sample 'some'; known: sequential, shuffle, random, weighted",
            "options.weight: has a meaning with sample: 'weighted' only",
            "options.turns.min: is more than max",
            "options.delimiter: expected one ASCII character",
            "options.seed: expected a whole number of at least 0",
            "options.fields: unknown field; did you mean 'field'?",
        ] {
            assert!(all.contains(expected), "missing {expected:?} in\n{all}");
        }
        let wrong =
            |options: Value, path: &str| Settings::from_json(&options, Path::new(path)).unwrap_err().0.join("\n");
        assert!(wrong(json!({}), "x.txt").contains("the name 'x.txt' does not say how the file is written"));
        assert!(wrong(json!({"sample": "weighted"}), "x.csv").contains("options.weight: missing"));
        assert!(wrong(json!({"sample": "random", "repeat": false}), "x.csv").contains("options.repeat: false needs"));
        let load = |text: &str, options: Value| {
            let settings = Settings::from_json(&options, Path::new("x.jsonl")).unwrap();
            Dataset::load(Arc::from(text.as_bytes()), settings, None).unwrap_err()
        };
        assert_eq!(load("\n", json!({})), "there are no rows");
        assert!(load("{\"w\": 0}", json!({"sample": "weighted", "weight": "w"})).contains("add up to 0"));
        assert!(load("{\"messages\": []}", json!({"turns": true})).contains("none of its 1 conversations"));
    }
}
