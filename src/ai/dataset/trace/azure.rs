//! Azure LLM inference traces: `TIMESTAMP,ContextTokens,GeneratedTokens`. The files of 2023 write times without a zone and with
//! seven decimals, those of 2024 with six and `+00:00`.

use super::table::{self, count};
use super::{Builder, Parsed, problems, time_stamp};

pub(super) fn read(text: &[u8], builder: &mut Builder) {
    let columns = table::header(text);
    let at = columns.need("timestamp", "TIMESTAMP", builder);
    let input = columns.need("contexttokens", "ContextTokens", builder);
    let output = columns.need("generatedtokens", "GeneratedTokens", builder);
    let (Some(at), Some(input), Some(output)) = (at, input, output) else { return };
    table::records(text, true, builder, |record, line, builder| {
        let field = record.get(at).unwrap_or_default().trim_ascii();
        let time = std::str::from_utf8(field).ok().and_then(time_stamp::parse).ok_or_else(|| {
            format!("TIMESTAMP: {} is not a time such as 2023-11-16 18:17:03.9799600", problems::quoted(field))
        });
        let row = (time, count(record, input, "ContextTokens"), count(record, output, "GeneratedTokens"));
        match row {
            (Ok(at_ns), Ok(input), Ok(output)) => {
                builder.push(line, Parsed { at_ns, input, output, ..Parsed::default() })
            }
            (time, input, output) => {
                let all: Vec<String> = [time.err(), input.err(), output.err()].into_iter().flatten().collect();
                builder.problem(line, all.join(", "));
                true
            }
        }
    });
}
