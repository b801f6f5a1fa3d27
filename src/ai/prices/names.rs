//! Under which names a model may be listed: as written, under the prefix of the place that serves it, without what vendors and
//! clouds put around it, without a date or version at its end. The first name that is in a table wins.

/// Hosts whose models the table lists under a prefix.
const HOSTS: &[(&str, &str)] = &[
    ("api.groq.com", "groq/"),
    ("api.mistral.ai", "mistral/"),
    ("api.x.ai", "xai/"),
    ("api.together.xyz", "together_ai/"),
    ("api.together.ai", "together_ai/"),
    ("api.fireworks.ai", "fireworks_ai/"),
    ("api.perplexity.ai", "perplexity/"),
    ("api.deepseek.com", "deepseek/"),
    ("api.cerebras.ai", "cerebras/"),
    ("api.deepinfra.com", "deepinfra/"),
    ("api.moonshot.ai", "moonshot/"),
    ("api.moonshot.cn", "moonshot/"),
    ("api.z.ai", "zai/"),
    ("api.voyageai.com", "voyage/"),
    ("api.cohere.com", "cohere/"),
    ("generativelanguage.googleapis.com", "gemini/"),
    ("aiplatform.googleapis.com", "vertex_ai/"),
    ("dashscope.aliyuncs.com", "dashscope/"),
    ("dashscope-intl.aliyuncs.com", "dashscope/"),
    ("openai.azure.com", "azure/"),
    ("services.ai.azure.com", "azure/"),
];

/// Providers of ours whose models are listed under a prefix, wherever they are served. Names that are no provider (yet) do
/// no harm here.
const PROVIDERS: &[(&str, &str)] = &[
    ("azure-openai", "azure/"),
    ("cerebras", "cerebras/"),
    ("cohere", "cohere/"),
    ("deepinfra", "deepinfra/"),
    ("deepseek", "deepseek/"),
    ("fireworks", "fireworks_ai/"),
    ("gemini", "gemini/"),
    ("groq", "groq/"),
    ("mistral", "mistral/"),
    ("perplexity", "perplexity/"),
    ("together", "together_ai/"),
    ("vertex", "vertex_ai/"),
    ("voyage", "voyage/"),
    ("xai", "xai/"),
];

/// Parts that clouds put before a model's name.
const WRAPPERS: &[&str] = &[
    "models/",
    "accounts/fireworks/models/",
    "us.",
    "eu.",
    "apac.",
    "global.",
    "jp.",
    "au.",
    "ca.",
    "us-gov.",
    // Bedrock's makers.
    "anthropic.",
    "mistral.",
    "deepseek.",
    "cohere.",
    "openai.",
];

/// The names to look up, best first.
pub(super) fn candidates(model: &str, host: Option<&str>, provider: Option<&str>) -> Vec<String> {
    let model = model.trim();
    let by_host = host.and_then(|h| HOSTS.iter().find(|(name, _)| h == *name || h.ends_with(&format!(".{name}"))));
    let by_host = by_host.or_else(|| {
        // Regional endpoints: `europe-west1-aiplatform.googleapis.com`.
        host.and_then(|h| HOSTS.iter().find(|(name, _)| h.ends_with(&format!("-{name}"))))
    });
    let by_provider = provider.and_then(|p| PROVIDERS.iter().find(|(name, _)| p == *name));
    let mut bare: Vec<&str> = vec![model];
    let mut rest = model;
    loop {
        let unwrapped = WRAPPERS.iter().find_map(|w| rest.strip_prefix(w));
        // `vendor/name`, and the ARNs and resource names of clouds, which end with the name.
        let Some(next) = unwrapped.or_else(|| rest.split_once('/').map(|(_, name)| name)).filter(|n| !n.is_empty())
        else {
            break;
        };
        bare.push(next);
        rest = next;
    }
    let mut prefixes: Vec<&str> = [by_host, by_provider].into_iter().flatten().map(|(_, prefix)| *prefix).collect();
    if prefixes.contains(&"vertex_ai/") {
        // The same models at the same prices, and only some are listed twice.
        prefixes.push("gemini/");
    }
    let mut names = Vec::with_capacity(bare.len() * (prefixes.len() + 1));
    for name in bare {
        names.extend(prefixes.iter().map(|prefix| format!("{prefix}{name}")));
        names.push(name.to_owned());
    }
    names
}

/// The name itself, then what remains of it when dates and versions at its end are taken off, longest first:
/// `gpt-4o-2024-08-06` is `gpt-4o`, `gpt-4o-mini` stays what it is.
pub(super) fn without_versions(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(
        name.rmatch_indices(['-', '@', ':'])
            .filter(move |(at, _)| is_version(&name[at + 1..]))
            .map(move |(at, _)| &name[..at]),
    )
}

/// A date or version that does not change what a model is: `2024-08-06`, `20240806`, `0613`, `001`, `latest`, `v1:0`, and the
/// organisation and id of a fine-tuned model.
fn is_version(text: &str) -> bool {
    let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    let mut parts = text.split('-');
    let dashed = matches!((parts.next(), parts.next(), parts.next(), parts.next()),
        (Some(y), Some(m), Some(d), None) if digits(y, 4) && digits(m, 2) && digits(d, 2));
    let clouds = text.strip_prefix('v').and_then(|v| v.split_once(':')).is_some_and(|(major, minor)| {
        [major, minor].iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    });
    // `ft:gpt-4o-2024-08-06:org::id`: what follows the second colon.
    let tuned = text.contains("::");
    // `20250929-v1:0`: a date with a version of the cloud.
    let both = text.split_once("-v").is_some_and(|(date, v)| digits(date, 8) && is_version(&format!("v{v}")));
    matches!(text, "latest" | "default")
        || dashed
        || clouds
        || tuned
        || both
        || [8, 4, 3].iter().any(|n| digits(text, *n))
}
