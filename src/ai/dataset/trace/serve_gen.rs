//! ServeGen: not requests but what to draw them from. A CSV has, for each client and window of time, a rate, and the family of the times
//! between arrivals with its shape; a JSON file has distributions of lengths by window.
//!
//! Each client is a renewal process of its own: times between arrivals have the shape that was fitted and the mean 1 / rate of their
//! window. The draw depends on seed and client only, so a slice of a trace is the same however it is cut.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma, Weibull};
use serde::Deserialize;

use super::problems::quoted;
use super::table::{self, number, text as field};
use super::{Builder, Parsed};
use crate::stats::gamma::ln_gamma;

/// Length of the last window of a client that has one window only.
const WINDOW_S: f64 = 600.0;

/// Most requests per second of one client.
const MOST_RPS: f64 = 1e6;

/// What the columns are called, in the order of files without a header; ours is the client.
const COLUMNS: [&str; 6] = ["window_start_s", "rate_rps", "cv", "pattern", "arg1", "arg2"];

/// Whether the first line is a row of a file without header: six fields, the first a number.
pub(super) fn looks_like_rows(line: &str) -> bool {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    fields.len() == COLUMNS.len()
        && fields[..3].iter().all(|f| f.parse::<f64>().is_ok())
        && matches!(fields[3], "" | "gamma" | "weibull" | "exponential")
}

/// The times between arrivals in units of their mean.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Family {
    Exponential,
    Gamma(Gamma<f64>),
    Weibull(Weibull<f64>),
}

impl Family {
    fn of(name: &str, shape: f64) -> Result<Self, String> {
        let valid = shape.is_finite() && (1e-3..=1e6).contains(&shape);
        let bad = || format!("arg1: {shape} is not the shape of a {name} distribution");
        match name.to_ascii_lowercase().as_str() {
            "exponential" | "poisson" | "" => Ok(Self::Exponential),
            "gamma" if valid => Gamma::new(shape, 1.0 / shape).map(Self::Gamma).map_err(|_| bad()),
            "weibull" if valid => {
                let mean_of_unit_scale = ln_gamma(1.0 + 1.0 / shape).exp();
                Weibull::new(1.0 / mean_of_unit_scale, shape).map(Self::Weibull).map_err(|_| bad())
            }
            "gamma" | "weibull" => Err(bad()),
            _ => Err(format!("pattern: {} is none of Gamma, Weibull, Exponential", quoted(name.as_bytes()))),
        }
    }

    fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Exponential => Exp1.sample(rng),
            Self::Gamma(gamma) => gamma.sample(rng),
            Self::Weibull(weibull) => weibull.sample(rng),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Window {
    start_s: f64,
    rate: f64,
    family: Family,
}

pub(super) fn read(text: &[u8], lengths: &[u8], seed: u64, builder: &mut Builder) {
    let clients = clients(text, builder);
    let lengths = match Lengths::read(lengths) {
        Ok(lengths) => lengths,
        Err(what) => {
            builder.general(format!("lengths: {what}"));
            return;
        }
    };
    for (number, (client, mut windows)) in clients.into_iter().enumerate() {
        windows.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number as u64);
        if !arrivals(&client, &windows, &lengths, &mut rng, builder) {
            return;
        }
    }
}

/// The windows of each client.
fn clients(text: &[u8], builder: &mut Builder) -> BTreeMap<String, Vec<Window>> {
    let columns = table::header(text);
    let headed = columns.find("pattern").is_some();
    let mut places = [0, 1, 2, 3, 4, 5].map(Some);
    if headed {
        places = COLUMNS.map(|name| columns.find(name).or_else(|| columns.find(short(name))));
        for (name, place) in COLUMNS.iter().zip(places) {
            // The coefficient of variation is told by the shape already, and the scale by the rate.
            if place.is_none() && !matches!(*name, "cv" | "arg2") {
                builder.general(format!("the column `{name}` is missing"));
            }
        }
    }
    let [Some(start), Some(rate), _, Some(pattern), Some(shape), _] = places else { return BTreeMap::new() };
    let client = columns.find("client").filter(|_| headed);
    let mut clients: BTreeMap<String, Vec<Window>> = BTreeMap::new();
    table::records(text, headed, builder, |record, line, builder| {
        let window = || -> Result<Window, String> {
            let (start_s, rate) = (number(record, start, "window_start_s")?, number(record, rate, "rate_rps")?);
            if !(0.0..=super::LONGEST_S).contains(&start_s) || !(0.0..=MOST_RPS).contains(&rate) {
                let what = "window_start_s is 0 to a hundred years, rate_rps 0 to";
                return Err(format!("{what} {MOST_RPS}, not {start_s} and {rate}"));
            }
            let name = field(record, Some(pattern)).unwrap_or_default();
            let shape = if rate > 0.0 && !name.is_empty() { number(record, shape, "arg1")? } else { 1.0 };
            Ok(Window { start_s, rate, family: Family::of(name, shape)? })
        };
        match window() {
            Ok(window) => {
                clients.entry(field(record, client).unwrap_or_default().to_owned()).or_default().push(window);
            }
            Err(what) => builder.problem(line, what),
        }
        true
    });
    clients
}

fn short(name: &str) -> &str {
    match name {
        "window_start_s" => "timestamp",
        "rate_rps" => "rate",
        other => other,
    }
}

/// Draws the arrivals of one client; false when the trace is full.
fn arrivals(client: &str, windows: &[Window], lengths: &Lengths, rng: &mut ChaCha8Rng, builder: &mut Builder) -> bool {
    let session = (!client.is_empty()).then(|| format!("client {client}"));
    for (n, window) in windows.iter().enumerate() {
        let previous = n.checked_sub(1).map(|before| window.start_s - windows[before].start_s);
        let end = windows.get(n + 1).map_or(window.start_s + previous.unwrap_or(WINDOW_S), |next| next.start_s);
        if window.rate <= 0.0 {
            continue;
        }
        // The first arrival comes anywhere within its gap: a window does not begin with one.
        let mut at = window.start_s + window.family.draw(rng) * rng.random::<f64>() / window.rate;
        while at < end {
            let (input, output) = lengths.draw(at, rng);
            let row = Parsed {
                at_ns: super::time_stamp::seconds_ns(at),
                input,
                output,
                session: session.as_deref(),
                ..Parsed::default()
            };
            if !builder.push(0, row) {
                return false;
            }
            at += (window.family.draw(rng) / window.rate).max(1e-9);
        }
    }
    true
}

/// Distributions of lengths by the start of their window; only those that have any.
struct Lengths {
    windows: Vec<(f64, Lottery, Lottery)>,
}

#[derive(Deserialize)]
struct WrittenWindow {
    input_tokens: String,
    output_tokens: String,
}

impl Lengths {
    fn read(text: &[u8]) -> Result<Self, String> {
        let all: BTreeMap<String, WrittenWindow> =
            serde_json::from_slice(super::without_mark(text)).map_err(|e| format!("cannot be read: {e}"))?;
        let mut windows = Vec::new();
        for (start, window) in &all {
            let start_s: f64 =
                start.parse().map_err(|_| format!("{} is not a time in seconds", quoted(start.as_bytes())))?;
            let read = |name: &str, text: &str| Lottery::read(text).map_err(|e| format!("{start}.{name}: {e}"));
            let input = read("input_tokens", &window.input_tokens)?;
            let output = read("output_tokens", &window.output_tokens)?;
            windows.extend(input.zip(output).map(|(input, output)| (start_s, input, output)));
        }
        if windows.is_empty() {
            return Err("no window has lengths".to_owned());
        }
        windows.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Self { windows })
    }

    /// Input and output tokens of a request at this time: from the last window that began before, or the first one.
    fn draw(&self, at: f64, rng: &mut ChaCha8Rng) -> (u64, u64) {
        let after = self.windows.partition_point(|(start, ..)| *start <= at);
        let (_, input, output) = &self.windows[after.saturating_sub(1)];
        (input.draw(rng), output.draw(rng))
    }
}

/// Values with the sums of their probabilities.
struct Lottery(Vec<(f64, u64)>);

impl Lottery {
    /// From a Python dictionary `{726: 0.25, 800: 0.75}`; None when it is empty.
    fn read(text: &str) -> Result<Option<Self>, String> {
        let inside = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inside =
            inside.ok_or_else(|| format!("{} is not a dictionary {{value: probability}}", quoted(text.as_bytes())))?;
        let (mut sum, mut all) = (0.0, Vec::new());
        for entry in inside.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let parsed = entry.split_once(':').and_then(|(value, probability)| {
                let value = value.trim().parse::<f64>().ok().filter(|v| (0.0..=1e8).contains(v))?;
                let probability = probability.trim().parse::<f64>().ok().filter(|p| p.is_finite() && *p >= 0.0)?;
                Some((value, probability))
            });
            let (value, probability) =
                parsed.ok_or_else(|| format!("{} is not value: probability", quoted(entry.as_bytes())))?;
            if probability > 0.0 {
                sum += probability;
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                all.push((sum, value.round() as u64));
            }
        }
        Ok((!all.is_empty()).then_some(Self(all)))
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> u64 {
        let total = self.0.last().map_or(0.0, |last| last.0);
        let at = rng.random::<f64>() * total;
        let place = self.0.partition_point(|(sum, _)| *sum <= at).min(self.0.len() - 1);
        self.0[place].1
    }
}
