//! Reads a price table: the built-in one's CSV, or a JSON object of models. Prices are USD per million tokens.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::ListPrice;
use crate::ai::spec::Price;
use crate::spelling::nearest;

/// Fields of a model in JSON, with their names in CSV.
const FIELDS: &[(&str, &str)] = &[
    ("input", "input"),
    ("output", "output"),
    ("cachedInput", "cached_input"),
    ("cacheWrite", "cache_write"),
    ("reasoning", "reasoning_output"),
    ("request", "request"),
    ("batchInput", "batch_input"),
    ("batchOutput", "batch_output"),
    ("flexInput", "flex_input"),
    ("flexOutput", "flex_output"),
    ("priorityInput", "priority_input"),
    ("priorityOutput", "priority_output"),
    ("context", "context_window"),
    ("maxOutput", "max_output"),
];
/// Columns that are there for people, and the one with tiers.
const OTHER_COLUMNS: &[&str] = &["id", "provider", "cache_write_1h", "tiers"];

/// Models by name.
///
/// # Errors
/// Everything that is wrong, one sentence each.
pub(super) fn parse(text: &str) -> Result<HashMap<String, ListPrice>, Vec<String>> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let mut problems = Vec::new();
    let models = if text.starts_with('{') { json(text, &mut problems) } else { csv(text, &mut problems) };
    if models.is_empty() && problems.is_empty() {
        problems.push("it holds no model".to_owned());
    }
    if problems.is_empty() { Ok(models) } else { Err(problems) }
}

fn json(text: &str, problems: &mut Vec<String>) -> HashMap<String, ListPrice> {
    let root: Value = match serde_json::from_str(text) {
        Ok(root) => root,
        Err(e) => {
            problems.push(format!("it is not valid JSON: {e}"));
            return HashMap::new();
        }
    };
    let mut models = HashMap::new();
    for (id, value) in root.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(fields) => drop(models.insert(id.clone(), model(id, fields, problems))),
            None => problems.push(format!("{id}: expected an object such as {{\"input\": 0.15, \"output\": 0.6}}")),
        }
    }
    models
}

fn model(id: &str, fields: &Map<String, Value>, problems: &mut Vec<String>) -> ListPrice {
    let known: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).chain(["above"]).collect();
    for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
        problems.push(match nearest(name, known.iter().copied()) {
            Some(near) => format!("{id}.{name}: unknown field; did you mean '{near}'?"),
            None => format!("{id}.{name}: unknown field; known: {}", known.join(", ")),
        });
    }
    let mut number = |name: &str| {
        let value = fields.get(name).filter(|v| !v.is_null())?;
        let parsed = value.as_f64().filter(|n| n.is_finite() && *n >= 0.0);
        if parsed.is_none() {
            problems.push(format!("{id}.{name}: expected USD per million tokens, a number of at least 0"));
        }
        parsed
    };
    let values: HashMap<&str, f64> = FIELDS.iter().filter_map(|(name, _)| Some((*name, number(name)?))).collect();
    let mut list = assemble(id, |name| values.get(name).copied(), problems);
    for (above, value) in fields.get("above").and_then(Value::as_object).into_iter().flatten() {
        match (above.parse::<u64>(), value.as_object()) {
            (Ok(tokens), Some(fields)) => {
                let number = |name: &str| fields.get(name).and_then(Value::as_f64).filter(|n| *n >= 0.0);
                list.tiers.push((tokens, tier(&list.price, number)));
            }
            _ => problems.push(format!("{id}.above.{above}: expected \"TOKENS\": {{\"input\": ..., \"output\": ...}}")),
        }
    }
    list.tiers.sort_by_key(|(above, _)| *above);
    list
}

fn csv(text: &str, problems: &mut Vec<String>) -> HashMap<String, ListPrice> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#'));
    let mut columns: Vec<&str> = Vec::new();
    let mut models = HashMap::new();
    for (at, line) in lines {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        if columns.is_empty() {
            if !["id", "input", "output"].iter().all(|name| cells.contains(name)) {
                problems.push(
                    "it is neither a JSON object of models nor CSV: the first line must name columns, at least id,input,output"
                        .to_owned(),
                );
                return models;
            }
            for name in &cells {
                if !OTHER_COLUMNS.contains(name) && !FIELDS.iter().any(|(_, csv)| csv == name) {
                    problems.push(format!("line {}: unknown column '{name}'", at + 1));
                }
            }
            columns = cells;
            continue;
        }
        if cells.len() != columns.len() {
            problems.push(format!("line {}: {} cells for {} columns", at + 1, cells.len(), columns.len()));
            continue;
        }
        let cell = |name: &str| {
            let at = columns.iter().position(|column| *column == name)?;
            Some(cells[at]).filter(|text| !text.is_empty())
        };
        let id = cell("id").unwrap_or_default();
        let mut values = HashMap::new();
        for (name, column) in FIELDS {
            let Some(text) = cell(column) else { continue };
            match text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0) {
                Some(number) => drop(values.insert(*name, number)),
                None => problems.push(format!("line {}: {column}: '{text}' is not a number of at least 0", at + 1)),
            }
        }
        let mut list = assemble(id, |name| values.get(name).copied(), problems);
        let tiers = cell("tiers").unwrap_or_default();
        list.tiers = tiers.split(';').filter(|t| !t.is_empty()).filter_map(|t| csv_tier(t, &list.price)).collect();
        models.insert(id.to_owned(), list);
    }
    models
}

/// `tokens:input:output:cached_input:cache_write`.
fn csv_tier(text: &str, base: &Price) -> Option<(u64, Price)> {
    let cells: Vec<&str> = text.split(':').collect();
    let number = |name: &str| {
        let at = ["input", "output", "cachedInput", "cacheWrite"].iter().position(|n| *n == name)?;
        cells.get(at + 1)?.parse::<f64>().ok()
    };
    Some((cells.first()?.parse().ok()?, tier(base, number)))
}

/// A tier's price; what it does not name is as below it. A reasoning price above the limit is not listed: the output price of
/// the tier holds.
fn tier(base: &Price, number: impl Fn(&str) -> Option<f64>) -> Price {
    Price {
        input: number("input").unwrap_or(base.input),
        output: number("output").unwrap_or(base.output),
        cached_input: number("cachedInput").or(base.cached_input),
        cache_write: number("cacheWrite").or(base.cache_write),
        reasoning: number("reasoning"),
        request: base.request,
    }
}

fn assemble(id: &str, number: impl Fn(&str) -> Option<f64>, problems: &mut Vec<String>) -> ListPrice {
    // Embeddings generate nothing: they may leave the output out.
    let (input, output) = (number("input"), number("output").unwrap_or(0.0));
    if input.is_none() {
        problems.push(format!("{id}: has no price of the input"));
    }
    let pair = |a: &str, b: &str| Some((number(a)?, number(b).unwrap_or(output)));
    ListPrice {
        price: Price {
            input: input.unwrap_or(0.0),
            output,
            cached_input: number("cachedInput"),
            cache_write: number("cacheWrite"),
            reasoning: number("reasoning"),
            request: number("request"),
        },
        tiers: Vec::new(),
        batch: pair("batchInput", "batchOutput"),
        flex: pair("flexInput", "flexOutput"),
        priority: pair("priorityInput", "priorityOutput"),
        max_output: number("maxOutput").map(|n| n as u64).filter(|n| *n > 0),
        context: number("context").map(|n| n as u64).filter(|n| *n > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_csv_say_the_same() {
        let csv = "# mine\nid,input,output,cached_input,batch_input,batch_output,max_output,tiers\na,1,2,0.5,0.4,0.8,100,2000:3:4:1:\nb,0,0,,,,,\n";
        let json = r#"{"a": {"input": 1, "output": 2, "cachedInput": 0.5, "batchInput": 0.4, "batchOutput": 0.8, "maxOutput": 100,
            "above": {"2000": {"input": 3, "output": 4, "cachedInput": 1}}}, "b": {"input": 0, "output": 0}}"#;
        let (a, b) = (parse(csv).unwrap(), parse(json).unwrap());
        assert_eq!(a, b);
        assert_eq!(
            a["a"].tiers,
            [(2000, Price { input: 3.0, output: 4.0, cached_input: Some(1.0), ..Price::default() })]
        );
    }

    #[test]
    fn everything_wrong_is_said() {
        let all =
            parse(r#"{"a": {"inpt": 1, "output": -2}, "b": 5, "c": {"input": 1, "above": {"x": {}}}}"#).unwrap_err();
        for part in
            ["a.inpt: unknown field; did you mean 'input'?", "a.output", "a: has no price", "b: expected", "c.above.x"]
        {
            assert!(all.iter().any(|p| p.contains(part)), "{part} in {all:#?}");
        }
        assert!(parse("model,cost\na,1").unwrap_err()[0].contains("id,input,output"));
        assert!(parse("{").unwrap_err()[0].contains("not valid JSON"));
        assert!(parse("id,input,output,colour\na,x,1,red\nb,1").unwrap_err().len() == 4);
        assert!(parse("{}").unwrap_err()[0].contains("no model"));
    }
}
