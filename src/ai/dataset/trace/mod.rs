//! A trace: when requests came to a real service, and how many tokens each had. Read from the formats in which such traces are
//! published, and from our own JSON lines.
//!
//! `trace-replay` starts an iteration at each row's time; scripts see the row. Pure: bytes in, rows out; whoever calls has read the
//! file. Rows are sorted by time; texts that repeat (sessions, models, kinds) are kept once.

mod azure;
mod burst_gpt;
mod json_lines;
mod problems;
mod serve_gen;
mod table;
mod time_stamp;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub use problems::TraceError;

use problems::Problems;

/// Most rows of a trace: public ones have up to some ten millions.
pub const MAX_ROWS: usize = 50_000_000;

/// Most ids of prompt blocks in a trace: 800 MB.
const MAX_HASHES: usize = 100_000_000;

/// Most tokens of one prompt or answer that are believed.
const MAX_TOKENS: u64 = 100_000_000;

/// A format of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Azure LLM inference traces of 2023 and 2024: CSV with `TIMESTAMP`, `ContextTokens`, `GeneratedTokens`.
    Azure,
    /// BurstGPT: CSV with `Timestamp` (seconds), `Request tokens`, `Response tokens`; in newer files `Session ID`.
    BurstGpt,
    /// Our own: JSON lines with `at` (seconds) or `timestamp`, `inputTokens`, `outputTokens`.
    JsonLines,
    /// Mooncake: JSON lines with `timestamp` (ms), `input_length`, `output_length` and `hash_ids` of blocks of 512 tokens.
    Mooncake,
    /// Qwen-Bailian: as Mooncake, with seconds, blocks of 16 tokens, chats and turns.
    Qwen,
    /// ServeGen: CSV of arrival rates and patterns per client and window; arrivals are drawn from it, lengths from a second file.
    ServeGen,
}

impl Format {
    /// All of them, by name.
    pub const ALL: &'static [Format] =
        &[Self::Azure, Self::BurstGpt, Self::JsonLines, Self::Mooncake, Self::Qwen, Self::ServeGen];

    /// The name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Azure => "azure",
            Self::BurstGpt => "burstgpt",
            Self::JsonLines => "jsonl",
            Self::Mooncake => "mooncake",
            Self::Qwen => "qwen",
            Self::ServeGen => "servegen",
        }
    }

    /// The format of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }

    /// The format a text looks like, by its first line.
    pub fn detect(text: &[u8]) -> Option<Self> {
        let text = without_mark(text);
        let first = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty())?;
        if first.starts_with(b"{") {
            return json_lines::detect(first);
        }
        let header = String::from_utf8_lossy(first).to_ascii_lowercase();
        let has = |name: &str| header.split(',').any(|column| column.trim().trim_matches('"') == name);
        match () {
            () if has("contexttokens") => Some(Self::Azure),
            () if has("request tokens") => Some(Self::BurstGpt),
            () if has("pattern") || serve_gen::looks_like_rows(&header) => Some(Self::ServeGen),
            () => None,
        }
    }
}

/// What a trace is read from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file.
    pub text: &'a [u8],
    /// Its format; None = by its first line.
    pub format: Option<Format>,
    /// ServeGen's second file, with the distributions of lengths.
    pub lengths: Option<&'a [u8]>,
    /// Seed of what ServeGen leaves to chance.
    pub seed: u64,
}

/// One request of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'a> {
    /// When it came, from the start of the trace.
    pub at: Duration,
    /// Tokens of its prompt.
    pub input_tokens: u64,
    /// Tokens of its answer; 0 for requests that failed when they were recorded.
    pub output_tokens: u64,
    /// Ids of the blocks of its prompt, in order: equal leading ids are a shared prefix. Empty when the trace has none.
    pub hash_ids: &'a [u64],
    /// The conversation it belongs to.
    pub session: Option<&'a str>,
    /// Its number within the conversation, from 1.
    pub turn: Option<u32>,
    /// Which kind of request it was.
    pub request_type: Option<&'a str>,
    /// The model that was asked.
    pub model: Option<&'a str>,
}

/// All requests, in order of time.
#[derive(Clone, Debug)]
pub struct Trace {
    format: Format,
    rows: Vec<Packed>,
    hashes: Vec<u64>,
    texts: Vec<Arc<str>>,
    block_tokens: u32,
}

/// A row as it is kept; texts are 1 + their place in the list, 0 = none.
#[derive(Clone, Copy, Debug, Default)]
struct Packed {
    /// From the start of the trace; while it is read, from the first row of the file.
    at_ns: i64,
    hashes_from: usize,
    hashes: u32,
    input: u32,
    output: u32,
    session: u32,
    turn: u32,
    request_type: u32,
    model: u32,
}

impl Packed {
    fn at(&self) -> Duration {
        Duration::from_nanos(self.at_ns.unsigned_abs())
    }
}

impl Trace {
    /// Reads a trace.
    ///
    /// # Errors
    /// What is wrong with it, line by line; the first few lines are named and the others counted.
    pub fn read(source: Source<'_>) -> Result<Self, TraceError> {
        let text = without_mark(source.text);
        let Some(format) = source.format.or_else(|| Format::detect(text)) else {
            return Err(TraceError::UnknownFormat);
        };
        if source.lengths.is_some() && format != Format::ServeGen {
            return Err(TraceError::NoLengths(format));
        }
        let mut builder = Builder::new(format);
        match format {
            Format::Azure => azure::read(text, &mut builder),
            Format::BurstGpt => burst_gpt::read(text, &mut builder),
            Format::JsonLines => json_lines::read_own(text, &mut builder),
            Format::Mooncake => json_lines::read_mooncake(text, &mut builder),
            Format::Qwen => json_lines::read_qwen(text, &mut builder),
            Format::ServeGen => {
                let lengths = source.lengths.ok_or(TraceError::LengthsMissing)?;
                serve_gen::read(text, lengths, source.seed, &mut builder);
            }
        }
        builder.finish()
    }

    /// The format it was read from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Requests.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Never: a trace without requests is an error.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Tokens of a block of `hash_ids`; the last block of a prompt may be shorter. None when the trace has no blocks.
    pub fn block_tokens(&self) -> Option<u32> {
        (self.block_tokens > 0 && !self.hashes.is_empty()).then_some(self.block_tokens)
    }

    /// One request, by its number from 0.
    pub fn row(&self, n: usize) -> Option<Row<'_>> {
        let row = self.rows.get(n)?;
        let text = |at: u32| self.texts.get((at as usize).checked_sub(1)?).map(|text| &**text);
        Some(Row {
            at: row.at(),
            input_tokens: row.input.into(),
            output_tokens: row.output.into(),
            hash_ids: self.hashes.get(row.hashes_from..row.hashes_from + row.hashes as usize).unwrap_or_default(),
            session: text(row.session),
            turn: Some(row.turn).filter(|turn| *turn > 0),
            request_type: text(row.request_type),
            model: text(row.model),
        })
    }

    /// All requests.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.rows.len()).map(|n| self.row(n).unwrap_or_else(|| unreachable!("n is below the length")))
    }

    /// When each request came, from the start of the trace.
    pub fn times(&self) -> impl ExactSizeIterator<Item = Duration> + '_ {
        self.rows.iter().map(|row| row.at())
    }
}

/// One row on its way into a trace.
#[derive(Clone, Copy, Debug, Default)]
struct Parsed<'a> {
    /// Nanoseconds from whatever zero the format has.
    at_ns: i128,
    input: u64,
    output: u64,
    hash_ids: &'a [u64],
    session: Option<&'a str>,
    turn: Option<u32>,
    request_type: Option<&'a str>,
    model: Option<&'a str>,
}

/// Takes rows in the order of the file.
struct Builder {
    format: Format,
    /// Times are from the start of the trace already; else the first row is the start.
    from_start: bool,
    block_tokens: u32,
    rows: Vec<Packed>,
    /// Time of the first row of the file.
    first_ns: Option<i128>,
    hashes: Vec<u64>,
    texts: Vec<Arc<str>>,
    places: HashMap<Arc<str>, u32>,
    problems: Problems,
    full: bool,
}

impl Builder {
    fn new(format: Format) -> Self {
        let block_tokens = match format {
            Format::Mooncake => 512,
            Format::Qwen => 16,
            _ => 0,
        };
        Self {
            format,
            from_start: format == Format::ServeGen,
            block_tokens,
            rows: Vec::new(),
            first_ns: None,
            hashes: Vec::new(),
            texts: Vec::new(),
            places: HashMap::new(),
            problems: Problems::default(),
            full: false,
        }
    }

    /// Notes what is wrong with a line (from 1).
    fn problem(&mut self, line: u64, what: impl Into<String>) {
        self.problems.add(Some(line), what.into());
    }

    /// Notes what is wrong with the whole.
    fn general(&mut self, what: impl Into<String>) {
        self.problems.add(None, what.into());
    }

    /// Adds a row; false when the trace is full and reading on is useless.
    fn push(&mut self, line: u64, row: Parsed<'_>) -> bool {
        for (what, tokens) in [("input", row.input), ("output", row.output)] {
            if tokens > MAX_TOKENS {
                self.problem(line, format!("{tokens} {what} tokens are more than the {MAX_TOKENS} that are believed"));
                return true;
            }
        }
        if self.rows.len() >= MAX_ROWS || self.hashes.len() + row.hash_ids.len() > MAX_HASHES {
            self.full = true;
            return false;
        }
        let first = *self.first_ns.get_or_insert(row.at_ns);
        let Some(at_ns) =
            i64::try_from(row.at_ns.saturating_sub(first)).ok().filter(|ns| ns.unsigned_abs() <= LONGEST_NS)
        else {
            self.problem(line, "is more than a hundred years away from the first request");
            return true;
        };
        let packed = Packed {
            at_ns,
            hashes_from: self.hashes.len(),
            hashes: narrow(row.hash_ids.len() as u64),
            input: narrow(row.input),
            output: narrow(row.output),
            session: self.text(row.session),
            turn: row.turn.unwrap_or(0),
            request_type: self.text(row.request_type),
            model: self.text(row.model),
        };
        self.hashes.extend_from_slice(row.hash_ids);
        self.rows.push(packed);
        true
    }

    fn text(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return 0 };
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        let place = narrow(self.texts.len() as u64);
        self.places.insert(text, place);
        place
    }

    fn finish(mut self) -> Result<Trace, TraceError> {
        if self.full {
            self.general(format!(
                "is too long: at most {MAX_ROWS} requests and {MAX_HASHES} ids of blocks; cut the file into parts"
            ));
        }
        // Requests of one time keep the order of the file.
        self.rows.sort_by_key(|row| row.at_ns);
        // Times from the start of the trace keep their zero: the first request may come later.
        let zero = match (self.from_start, self.first_ns) {
            (true, Some(first)) => i64::try_from(-first).unwrap_or_default(),
            _ => self.rows.first().map_or(0, |row| row.at_ns),
        };
        for row in &mut self.rows {
            row.at_ns -= zero;
        }
        if self.rows.is_empty() && self.problems.is_empty() {
            self.problems.add(None, "has no requests".to_owned());
        }
        if !self.problems.is_empty() {
            return Err(TraceError::Invalid(self.format, self.problems.told()));
        }
        let Self { format, rows, hashes, texts, block_tokens, .. } = self;
        Ok(Trace { format, rows, hashes, texts, block_tokens })
    }
}

/// A hundred years.
const LONGEST_NS: u64 = 100 * 366 * 86_400 * 1_000_000_000;
const LONGEST_S: f64 = LONGEST_NS as f64 / 1e9;

/// Without a byte order mark.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
