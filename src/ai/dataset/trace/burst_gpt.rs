//! BurstGPT: `Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type`, from version 1.2 on with `Session ID` and
//! `Elapsed time` as well. Times are seconds. Requests that failed have 0 response tokens and stay: they came all the same.

use super::table::{self, count, number, text as field};
use super::{Builder, Parsed};

pub(super) fn read(text: &[u8], builder: &mut Builder) {
    let columns = table::header(text);
    let at = columns.need("timestamp", "Timestamp", builder);
    let input = columns.need("request tokens", "Request tokens", builder);
    let output = columns.need("response tokens", "Response tokens", builder);
    let (Some(at), Some(input), Some(output)) = (at, input, output) else { return };
    let (model, kind, session) = (columns.find("model"), columns.find("log type"), columns.find("session id"));
    table::records(text, true, builder, |record, line, builder| {
        let row = (
            number(record, at, "Timestamp"),
            count(record, input, "Request tokens"),
            count(record, output, "Response tokens"),
        );
        match row {
            (Ok(seconds), Ok(input), Ok(output)) => builder.push(
                line,
                Parsed {
                    at_ns: super::time_stamp::seconds_ns(seconds),
                    input,
                    output,
                    session: field(record, session),
                    request_type: field(record, kind),
                    model: field(record, model),
                    ..Parsed::default()
                },
            ),
            (time, input, output) => {
                let all: Vec<String> = [time.err(), input.err(), output.err()].into_iter().flatten().collect();
                builder.problem(line, all.join(", "));
                true
            }
        }
    });
}
