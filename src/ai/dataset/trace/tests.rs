//! Every format: small made-up files for the rules, published traces for the figures their authors state.

use std::time::Duration;

use proptest::prelude::*;

use super::{Format, Row, Source, Trace, TraceError};
use crate::ai::fixtures;

fn read(text: &str) -> Result<Trace, TraceError> {
    Trace::read(Source { text: text.as_bytes(), format: None, lengths: None, seed: 0 })
}

fn told(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

fn ms(trace: &Trace) -> Vec<u128> {
    trace.times().map(|at| at.as_millis()).collect()
}

#[test]
fn azure_of_both_years() {
    let of_2023 = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:04.0319600,3180,8";
    let trace = read(of_2023).unwrap();
    assert_eq!((trace.format(), trace.len(), ms(&trace)), (Format::Azure, 2, vec![0, 52]));
    assert_eq!(
        trace.row(1),
        Some(Row {
            at: Duration::from_millis(52),
            input_tokens: 3180,
            output_tokens: 8,
            hash_ids: &[],
            session: None,
            turn: None,
            request_type: None,
            model: None,
        })
    );
    assert_eq!((trace.row(2), trace.block_tokens()), (None, None));
    let of_2024 = "\u{feff}TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n2024-05-10 00:00:01.017335+00:00,2399,6\n";
    assert_eq!(ms(&read(of_2024).unwrap()), [0, 1007]);
}

#[test]
fn burst_gpt_of_both_versions() {
    let old = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,10,0,10,API log\n";
    let trace = read(old).unwrap();
    assert_eq!((trace.format(), ms(&trace)), (Format::BurstGpt, vec![0, 40_000]));
    let row = trace.row(1).unwrap();
    assert_eq!(
        (row.model, row.request_type, row.output_tokens, row.session),
        (Some("GPT-4"), Some("API log"), 0, None)
    );
    let new = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n1.5,a1,2.0,GPT-4,7,8,15,API log\n1.25,a1,2,GPT-4,3,4,7,API log\n";
    let trace = read(new).unwrap();
    assert_eq!(ms(&trace), [0, 250], "sorted by time");
    assert_eq!(
        trace.rows().map(|r| (r.session, r.input_tokens)).collect::<Vec<_>>(),
        [(Some("a1"), 3), (Some("a1"), 7)]
    );
}

#[test]
fn mooncake_and_qwen_name_blocks() {
    let mooncake = r#"{"timestamp": 3000, "input_length": 1100, "output_length": 5, "hash_ids": [0, 1, 2]}
{"timestamp": 6000, "input_length": 600, "output_length": 7, "hash_ids": [0, 3]}"#;
    let trace = read(mooncake).unwrap();
    assert_eq!((trace.format(), trace.block_tokens(), ms(&trace)), (Format::Mooncake, Some(512), vec![0, 3_000]));
    assert_eq!(trace.rows().map(|r| r.hash_ids.to_vec()).collect::<Vec<_>>(), [vec![0, 1, 2], vec![0, 3]]);
    let qwen = r#"{"chat_id": 7, "parent_chat_id": -1, "timestamp": 1.5, "input_length": 20, "output_length": 3, "type": "text", "turn": 1, "hash_ids": [9, 10]}
{"chat_id": 8, "parent_chat_id": 7, "timestamp": 2.0, "input_length": 30, "output_length": 3, "type": "text", "turn": 2, "hash_ids": [9, 11]}
{"chat_id": 9, "parent_chat_id": 8, "timestamp": 2.5, "input_length": 40, "output_length": 3, "type": "file", "turn": 3, "hash_ids": [9, 11]}"#;
    let trace = read(qwen).unwrap();
    assert_eq!((trace.format(), trace.block_tokens(), ms(&trace)), (Format::Qwen, Some(16), vec![0, 500, 1_000]));
    let talk: Vec<_> = trace.rows().map(|r| (r.session, r.turn, r.request_type)).collect();
    assert_eq!(
        talk,
        [(Some("7"), Some(1), Some("text")), (Some("7"), Some(2), Some("text")), (Some("7"), Some(3), Some("file"))]
    );
}

#[test]
fn our_own_lines() {
    let relative = r#"
{"at": 2.5, "inputTokens": 10, "outputTokens": 4, "session": 12, "turn": 2, "requestType": "chat", "model": "m", "other": [1]}
{"at": 0.5, "inputTokens": 11}
"#;
    let trace = read(relative).unwrap();
    assert_eq!((trace.format(), ms(&trace)), (Format::JsonLines, vec![500, 2_500]), "`at` counts from the start");
    let last = trace.row(1).unwrap();
    assert_eq!(
        (last.session, last.turn, last.request_type, last.model),
        (Some("12"), Some(2), Some("chat"), Some("m"))
    );
    let absolute = r#"{"timestamp": "2026-01-31T12:00:00.25Z", "inputTokens": 1, "outputTokens": 1, "hashIds": [4, 5], "blockTokens": 64}
{"timestamp": "2026-01-31T13:00:01+01:00", "inputTokens": 1, "outputTokens": 1, "hashIds": [4], "blockTokens": 64}"#;
    let trace = read(absolute).unwrap();
    assert_eq!((ms(&trace), trace.block_tokens()), (vec![0, 750], Some(64)));
    let unix = "{\"timestamp\": 1700000000.5, \"inputTokens\": 1}\n{\"timestamp\": 1700000001500, \"inputTokens\": 1}";
    assert_eq!(ms(&read(unix).unwrap()), [0, 1_000]);
}

#[test]
fn what_is_wrong_is_told_by_line_and_all_at_once() {
    let text = told(
        "TIMESTAMP,ContextTokens,GeneratedTokens\nsoon,many,\n2023-11-16 18:17:03,1,2\n2023-11-16 18:17:03,-1,2\n",
    );
    for part in [
        "`azure`",
        "line 2: TIMESTAMP: 'soon'",
        "ContextTokens: 'many'",
        "GeneratedTokens: ''",
        "line 4: ContextTokens: '-1'",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = told(&format!("Timestamp,Request tokens\n{}", "x,y\n".repeat(9)));
    assert!(text.contains("the column `Response tokens` is missing"), "{text}");
    let own = "{\"at\": 1, \"inputTokens\": 1}\n{\"timestamp\": 5, \"inputTokens\": 1}\n{\"at\": -1, \"inputTokens\": 1}\n{\"inputTokens\": 1}\n{\"at\": 1}\n{\"at\": 1, \"inputTokens\": 999999999}\nnonsense\n[]";
    let text = told(own);
    for part in [
        "line 2: `at` in some",
        "line 3: at: -1",
        "line 4: neither",
        "line 5: ",
        "missing field `inputTokens`",
        "line 6: 999999999 input",
        "and 2 more",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(told("").contains("no known trace") && told("a,b\n1,2").contains("azure, burstgpt"), "{}", told(""));
    assert!(told("TIMESTAMP,ContextTokens,GeneratedTokens\n").contains("has no requests"));
    let line = |at: &str| format!("{{\"timestamp\": {at}, \"input_length\": 1, \"output_length\": 1}}\n");
    let text = told(&format!("{}{}{}", line("-1e300"), line("1e300"), line("0")));
    assert!(text.contains("line 2: is more than a hundred years away"), "{text}");
    assert!(told("{\"at\": 1e300, \"inputTokens\": 1}").contains("at: 1"), "{text}");
    let far = "1e300,1,0,Gamma,1,1\n5,1e9,0,Gamma,1,1\n";
    let source = Source { text: far.as_bytes(), format: Some(Format::ServeGen), lengths: Some(b"{}"), seed: 0 };
    let text = Trace::read(source).unwrap_err().to_string();
    assert!(
        text.contains("line 1: window_start_s") && text.contains("line 2: ") && text.contains("lengths: no window"),
        "{text}"
    );
    let with = |format, lengths| {
        Trace::read(Source { text: b"window_start_s,rate_rps,cv,pattern,arg1,arg2\n", format, lengths, seed: 0 })
    };
    assert!(with(None, None).unwrap_err().to_string().contains("`lengths`"));
    assert!(
        with(Some(Format::Azure), Some(b"{}")).unwrap_err().to_string().contains("belongs to the format `servegen`")
    );
}

/// One client at 2/s for 1,000 s with this pattern.
fn generated(pattern: &str, shape: f64, seed: u64) -> Trace {
    let rates = format!("0,2,0,{pattern},{shape},1\n1000,0,0,,0,0\n");
    let lengths =
        br#"{"0": {"input_tokens": "{100: 0.25, 200: 0.75}", "output_tokens": "{5: 1.0}", "reason_ratio": "{}"}}"#;
    Trace::read(Source { text: rates.as_bytes(), format: None, lengths: Some(lengths), seed }).unwrap()
}

#[test]
fn serve_gen_draws_what_the_windows_say() {
    for (pattern, shape, cv) in [("Gamma", 4.0, 0.5), ("Weibull", 2.0, 0.5227), ("Gamma", 1.0, 1.0)] {
        let (mut counts, mut gaps) = (Vec::new(), Vec::new());
        for seed in 0..8 {
            let trace = generated(pattern, shape, seed);
            counts.push(trace.len() as f64);
            let times: Vec<f64> = trace.times().map(|at| at.as_secs_f64()).collect();
            assert!(times.iter().all(|at| *at < 1_000.0));
            gaps.extend(times.windows(2).map(|pair| pair[1] - pair[0]));
        }
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let deviation = (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!((mean - 0.5).abs() < 0.02, "{pattern}: {mean}");
        assert!((deviation / mean - cv).abs() < 0.04, "{pattern}: {}", deviation / mean);
        assert!(counts.iter().all(|n| (n - 2_000.0).abs() < 200.0), "{counts:?}");
    }
    let trace = generated("Gamma", 1.0, 3);
    let long = trace.rows().filter(|r| r.input_tokens == 200).count() as f64 / trace.len() as f64;
    assert!((long - 0.75).abs() < 0.04 && trace.rows().all(|r| r.output_tokens == 5), "{long}");
    assert_eq!(ms(&generated("Gamma", 1.0, 3)), ms(&trace), "the same seed draws the same");
    assert_ne!(ms(&generated("Gamma", 1.0, 4)), ms(&trace));
}

#[test]
fn published_traces_have_the_figures_their_authors_state() {
    let mean = |trace: &Trace, of: fn(&Row<'_>) -> u64| trace.rows().map(|r| of(&r)).sum::<u64>() / trace.len() as u64;
    for (file, rows, seconds, input, output) in [
        ("azure_llm_2023_code.csv", 8_819, 3_436, 2_047..=2_048, 27..=28),
        ("azure_llm_2023_conv.csv", 19_366, 3_502, 1_154..=1_155, 210..=211),
        ("mooncake_conversation_head.jsonl", 7_980, 2_432, 12_400..=12_404, 346..=348),
        ("mooncake_synthetic.jsonl", 3_993, 1_022, 15_320..=15_326, 148..=150),
    ] {
        let Some(text) = fixtures::read(&format!("traces/{file}")) else { return };
        let trace = read(&text).unwrap();
        let last = trace.times().last().unwrap().as_secs();
        assert_eq!((trace.len(), last.abs_diff(seconds) <= 1), (rows, true), "{file}: {last}");
        let (i, o) = (mean(&trace, |r| r.input_tokens), mean(&trace, |r| r.output_tokens));
        assert!(input.contains(&i) && output.contains(&o), "{file}: {i} {o}");
        let blocks = trace.block_tokens().unwrap_or(0);
        let fits =
            |r: &Row<'_>| r.hash_ids.is_empty() || r.input_tokens.div_ceil(blocks.into()) == r.hash_ids.len() as u64;
        assert_eq!(blocks > 0, file.starts_with("mooncake"));
        assert!(trace.rows().all(|r| fits(&r)), "{file}: as many blocks as the prompt is long");
    }
}

#[test]
fn a_day_of_serve_gen() {
    let rates = fixtures::read("traces/servegen/deepseek-r1_client_rates.csv");
    let lengths = fixtures::read("traces/servegen/deepseek-r1_chunk-72-dataset.json");
    let (Some(rates), Some(lengths)) = (rates, lengths) else { return };
    // The first hour of it, so that the test is quick.
    let hour: Vec<&str> = rates
        .lines()
        .filter(|line| line.split(',').nth(1).is_none_or(|start| start.parse::<f64>().is_ok_and(|s| s <= 3_600.0)))
        .collect();
    let expected: f64 = hour[1..]
        .iter()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|f| f[2].parse::<f64>().unwrap() * 600.0)
        .sum();
    let text = format!("{}\n{}\n", "client,window_start_s,rate_rps,cv,pattern,arg1,arg2", hour[1..].join("\n"));
    let source = Source { text: text.as_bytes(), format: None, lengths: Some(lengths.as_bytes()), seed: 1 };
    let trace = Trace::read(source).unwrap();
    assert!((trace.len() as f64 / expected - 1.0).abs() < 0.05, "{} of {expected}", trace.len());
    assert!(trace.rows().all(|r| r.input_tokens > 0 && r.session.is_some_and(|s| s.starts_with("client "))));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..300), format in 0usize..6) {
        let format = Some(Format::ALL[format]);
        let _ = Trace::read(Source { text: &text, format, lengths: None, seed: 0 });
        let _ = Trace::read(Source { text: b"0,1,1,Gamma,1,1", format: None, lengths: Some(&text), seed: 0 });
    }

    #[test]
    fn what_is_written_is_read_back(rows in proptest::collection::vec((0u64..4_000_000, 0u64..200_000, 0u64..5_000), 1..40)) {
        let text: String = rows
            .iter()
            .map(|(ms, input, output)| format!("{{\"at\": {}, \"inputTokens\": {input}, \"outputTokens\": {output}}}\n", *ms as f64 / 1e3))
            .collect();
        let trace = read(&text).unwrap();
        let mut sorted = rows.clone();
        sorted.sort_by_key(|row| row.0);
        let got: Vec<_> = trace.rows().map(|r| (r.at.as_millis() as u64, r.input_tokens, r.output_tokens)).collect();
        prop_assert_eq!(got, sorted);
    }
}
